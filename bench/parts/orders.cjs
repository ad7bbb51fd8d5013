// What every node process under test does: obey orders, one line of JSON each (see machine.py).
'use strict';
const readline = require('node:readline');

exports.obey = async (orders, hello) => {
  const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\n');
  const known = { collect: async () => { for (let i = 0; i < 3; i++) global.gc(); }, ...orders };
  say({ done: hello ?? null });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { order, ...what } = JSON.parse(line);
    try {
      say({ done: (await known[order](what)) ?? null });
    } catch (error) {
      say({ error: String(error) });
    }
  }
  process.exit(0);
};
