// Says what is going on: a spinner on a terminal, plain lines everywhere else.
// On standard error, so that standard output stays for results.
import ora from 'ora';

export interface Progress {
  /** Runs one step; `say` changes the text while it lasts. */
  step<T>(text: string, work: (say: (text: string) => void) => Promise<T>): Promise<T>;
}

export function progress_for(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? spinner(stream) : plain_lines(stream);
}

export const silent: Progress = {
  step: (_text, work) => work(() => {}),
};

function spinner(stream: NodeJS.WriteStream): Progress {
  return {
    async step(text, work) {
      const line = ora({ text, stream }).start();
      try {
        const result = await work((said) => (line.text = `${text}: ${said}`));
        line.succeed(text);
        return result;
      } catch (error) {
        line.fail(text);
        throw error;
      }
    },
  };
}

function plain_lines(stream: NodeJS.WritableStream): Progress {
  return {
    async step(text, work) {
      let last = '';
      const result = await work((said) => {
        if (said !== last) stream.write(`  ${text}: ${said}\n`);
        last = said;
      });
      stream.write(`  ${text}: done\n`);
      return result;
    },
  };
}
