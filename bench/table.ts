/** A table for a terminal: the first column to the left, the others, being numbers, to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map(row => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    widths
      .map((width, column) => {
        const cell = cells[column] ?? '';
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('   ')
      .trimEnd();
  return [line(head), widths.map(width => '-'.repeat(width)).join('   '), ...rows.map(line)].join(
    '\n',
  );
}

/** A number for a reader; `-` where there is none. */
export function figure(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return '-';
  return value.toLocaleString('en-US', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
}

/** A share of 1 in per cent. */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${figure(share * 100, 1)} %` : '-';
}
