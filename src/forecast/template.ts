const UUID =
  /(?<![^:./_-])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![^:./_-])/gi;
const HEX_SEGMENT = /(?<![^:./_-])[0-9a-f]{8,}(?![^:./_-])/gi;
const DIGITS = /\d+/g;

/** `order:17:pay` and `order:18:pay` are both of the template `order:{}:pay`. */
export function templateOf(key: string): string {
  return key.replace(UUID, '{}').replace(HEX_SEGMENT, '{}').replace(DIGITS, '{}');
}
