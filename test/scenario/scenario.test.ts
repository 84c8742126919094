// Stories about the protocol, each with the whole trace of what happens, for people to
// read: test/scenario/stories/. The control planes are real, the data planes are the
// simulator's, with nothing left to chance; its observer checks I1 to I11 here as well.
//
// To add one, write what it is about and its steps (steps.ts has the language), run
// `UPDATE=1 npx vitest run test/scenario`, and read the trace that was added. The same
// writes all traces anew after a change; a trace that changed needs a reason. What a
// story expects in its steps must hold all the same.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse_story, story_text } from './story.ts';
import { run_steps } from './steps.ts';

const FOLDER = 'test/scenario/stories';

describe('stories', () => {
  for (const file of readdirSync(FOLDER)) {
    test(file.replace('.txt', '').replaceAll('_', ' '), () => {
      const path = `${FOLDER}/${file}`;
      const story = parse_story(readFileSync(path, 'utf8'));
      const trace = run_steps(story.steps).join('\n');
      if (process.env['UPDATE'] === '1') writeFileSync(path, story_text({ ...story, trace }));
      else expect(trace).toBe(story.trace);
    });
  }
});
