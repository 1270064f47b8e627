import { type NetworkShape, outputLayout, sameShape } from './shape.js';

/** Input, forget, cell and output: the order of TensorFlow.js. */
export const GATES = 4;

/** All that a trained network is. Matrices are stored row by row. */
export interface NetworkWeights {
  readonly shape: NetworkShape;
  /** Of the meaning of inputs and outputs: whoever changes that, counts on. */
  readonly version: number;
  /** An input is taken as (value - mean) * scale. */
  readonly inputMean: Float32Array;
  readonly inputScale: Float32Array;
  /** inputs x (4 units): input, forget, cell and output gate side by side. */
  readonly kernel: Float32Array;
  /** units x (4 units). */
  readonly recurrent: Float32Array;
  /** 4 units. */
  readonly bias: Float32Array;
  /** units x outputs. */
  readonly headKernel: Float32Array;
  readonly headBias: Float32Array;
}

export type Decoded =
  | { readonly weights: NetworkWeights; readonly refused?: never }
  | { readonly refused: string; readonly weights?: never };

/** 'FLNN' as it stands in the first four bytes. */
const MAGIC = 0x4e4e4c46;
/** Of this layout of bytes. */
const FORMAT = 1;
/** Magic, format, version, four sizes; the checksum comes last. */
const HEADER_BYTES = 28;
const CHECKSUM_BYTES = 4;

/** How many numbers each part has, in the order in which they are stored. */
export function partLengths(shape: NetworkShape): Readonly<Record<Part, number>> {
  const outputs = outputLayout(shape).length;
  const gates = GATES * shape.units;
  return {
    inputMean: shape.inputs,
    inputScale: shape.inputs,
    kernel: shape.inputs * gates,
    recurrent: shape.units * gates,
    bias: gates,
    headKernel: shape.units * outputs,
    headBias: outputs,
  };
}

export type Part = Exclude<keyof NetworkWeights, 'shape' | 'version'>;

export const PARTS: readonly Part[] = [
  'inputMean',
  'inputScale',
  'kernel',
  'recurrent',
  'bias',
  'headKernel',
  'headBias',
];

/** Weights of zero, to be filled. */
export function emptyWeights(shape: NetworkShape, version: number): NetworkWeights {
  const lengths = partLengths(shape);
  return {
    shape,
    version,
    inputMean: new Float32Array(lengths.inputMean),
    inputScale: new Float32Array(lengths.inputScale).fill(1),
    kernel: new Float32Array(lengths.kernel),
    recurrent: new Float32Array(lengths.recurrent),
    bias: new Float32Array(lengths.bias),
    headKernel: new Float32Array(lengths.headKernel),
    headBias: new Float32Array(lengths.headBias),
  };
}

/** The weights in one buffer of their own, little-endian, for a file or another thread. */
export function encode(weights: NetworkWeights): ArrayBuffer {
  const { shape } = weights;
  const buffer = new ArrayBuffer(encodedBytes(shape));
  const view = new DataView(buffer);
  const header = [MAGIC, FORMAT, weights.version];
  header.push(shape.inputs, shape.units, shape.components, shape.experts);
  for (const [index, number] of header.entries()) view.setUint32(4 * index, number, true);
  let at = HEADER_BYTES;
  for (const part of PARTS) {
    for (const number of weights[part]) {
      view.setFloat32(at, number, true);
      at += 4;
    }
  }
  view.setUint32(at, checksum(buffer, at), true);
  return buffer;
}

/**
 * Reads what `encode` wrote. Weights of another shape or meaning than what is expected, damaged ones
 * and such as hold a number that is none are refused, and the reason is said.
 */
export function decode(buffer: ArrayBuffer, shape: NetworkShape, version: number): Decoded {
  if (buffer.byteLength < HEADER_BYTES + CHECKSUM_BYTES) {
    return { refused: `${buffer.byteLength} bytes are no network` };
  }
  const view = new DataView(buffer);
  const header = (index: number): number => view.getUint32(4 * index, true);
  if (header(0) !== MAGIC) return { refused: 'these bytes are no network' };
  if (header(1) !== FORMAT) return { refused: `format ${header(1)} is not ${FORMAT}` };
  if (header(2) !== version) return { refused: `version ${header(2)} is not ${version}` };
  const stored = {
    inputs: header(3),
    units: header(4),
    components: header(5),
    experts: header(6),
  };
  if (!sameShape(stored, shape)) return { refused: `shape ${told(stored)} is not ${told(shape)}` };
  if (buffer.byteLength !== encodedBytes(shape)) {
    return { refused: `${buffer.byteLength} bytes, where there should be ${encodedBytes(shape)}` };
  }
  const end = buffer.byteLength - CHECKSUM_BYTES;
  if (view.getUint32(end, true) !== checksum(buffer, end))
    return { refused: 'the checksum differs' };
  const weights = emptyWeights(shape, version);
  let at = HEADER_BYTES;
  for (const part of PARTS) {
    const numbers = weights[part];
    for (let i = 0; i < numbers.length; i++, at += 4) numbers[i] = view.getFloat32(at, true);
  }
  const broken = brokenPart(weights);
  return broken === null ? { weights } : { refused: `${broken} holds a number that is none` };
}

/** The first part that holds NaN or an infinite number; null where all is well. */
export function brokenPart(weights: NetworkWeights): Part | null {
  return PARTS.find(part => !weights[part].every(Number.isFinite)) ?? null;
}

function encodedBytes(shape: NetworkShape): number {
  const lengths = partLengths(shape);
  const numbers = PARTS.reduce((sum, part) => sum + lengths[part], 0);
  return HEADER_BYTES + 4 * numbers + CHECKSUM_BYTES;
}

function told({ inputs, units, components, experts }: NetworkShape): string {
  return `${inputs}/${units}/${components}/${experts}`;
}

/** FNV-1a over the first `length` bytes: against damage, not against an enemy. */
function checksum(buffer: ArrayBuffer, length: number): number {
  const bytes = new Uint8Array(buffer, 0, length);
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
