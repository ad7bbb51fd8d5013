// One message with the npm package ocpp-rpc: parsed and validated by its compiled schemas, or written.
'use strict';
const [validator] = require('ocpp-rpc/lib/standard-validators.js');
const { obey } = require('./orders.cjs');

// CPU of one call in microseconds
const cost = (what, round_s) => {
  for (let i = 0; i < 2000; i++) what(); // let it be compiled
  let [count, took] = [1000, 0];
  while (took < round_s * 5e5) {
    count *= 2;
    const start = process.cpuUsage();
    for (let i = 0; i < count; i++) what();
    const { user, system } = process.cpuUsage(start);
    took = user + system;
  }
  return took / count;
};

obey({
  decode: async ({ data, round_s }) => cost(() => {
    const [, , action, params] = JSON.parse(data);
    validator.validate(`urn:${action}.req`, params);
  }, round_s),
  encode: async ({ data, round_s }) => {
    const frame = JSON.parse(data);
    return cost(() => JSON.stringify(frame), round_s);
  },
});
