// Waits for all of several works, also when one fails: nothing runs on unseen.

export async function all_ended<T>(works: Promise<T>[]): Promise<T[]> {
  const ended = await Promise.allSettled(works);
  return ended.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
}
