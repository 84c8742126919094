// Sizes for people to read.

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** As people say it: 1 GB, 8.5 MB. */
export function in_words(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${Number(value.toFixed(value < 10 ? 1 : 0))} ${UNITS[unit]}`;
}
