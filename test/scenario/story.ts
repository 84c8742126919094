// A story's file: what it is about, a line `steps`, its steps, a line `trace`, and the
// trace that they gave when somebody last read it and found it right.

export interface Story {
  readonly about: string;
  readonly steps: readonly string[];
  readonly trace: string;
}

export function parse_story(text: string): Story {
  const [before, trace = ''] = text.split('\n\ntrace\n');
  const [about, steps] = before!.split('\n\nsteps\n');
  if (steps === undefined) throw new Error('it has no line "steps"');
  const lines = steps.split('\n').map((line) => line.trim());
  return {
    about: about!.trim(),
    steps: lines.filter((line) => line !== ''),
    trace: trace.trimEnd(),
  };
}

export function story_text({ about, steps, trace }: Story): string {
  const indented = steps.map((step) => `  ${step}`).join('\n');
  return `${about}\n\nsteps\n${indented}\n\ntrace\n${trace}\n`;
}
