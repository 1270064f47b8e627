/**
 * Takes an error as Redis puts it into a Lua table: '-CODE text' stands as it is without the minus;
 * any other text gets the general code.
 */
export function errorText(given: string): string {
  const text = given.replace(/^[\r\n]+|[\r\n]+$/g, '');
  if (!text.startsWith('-')) return `ERR ${text}`;
  return text.includes(' ') ? text.slice(1) : `ERR ${text.slice(1)}`;
}
