// A table that reads well on a terminal and can be pasted into a document.

export type Column = { title: string; align: 'left' | 'right' };

export function markdown_table(columns: Column[], rows: string[][]): string {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, 3, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const padded = (cells: string[]) =>
    line(
      columns.map(({ align }, index) => {
        const [cell, width] = [cells[index] ?? '', widths[index] ?? 0];
        return align === 'left' ? cell.padEnd(width) : cell.padStart(width);
      }),
    );
  const rule = columns.map(({ align }, index) => {
    const dashes = '-'.repeat((widths[index] ?? 0) - 1);
    return align === 'left' ? `-${dashes}` : `${dashes}:`;
  });
  return [padded(columns.map(({ title }) => title)), line(rule), ...rows.map(padded)].join('\n');
}

export const left = (title: string): Column => ({ title, align: 'left' });
export const right = (title: string): Column => ({ title, align: 'right' });
