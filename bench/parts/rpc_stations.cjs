// Stations with the npm package ocpp-rpc in strict mode: every payload is validated, both ways.
'use strict';
const { RPCClient } = require('ocpp-rpc');
const { obey } = require('./orders.cjs');

const [url, samples] = [process.argv[2], JSON.parse(process.argv[3])];
const TOGETHER = 50; // handshakes under way at once
const EPOCH = Date.UTC(2026, 10, 20, 10);
const stations = [];
let step = 0;

const boot = async (identity) => {
  const station = new RPCClient({ endpoint: url, identity, protocols: ['ocpp1.6'], strictMode: true, reconnect: false });
  stations.push(station);
  await station.connect();
  await station.call('BootNotification', { chargePointVendor: 'ACME', chargePointModel: 'Duo 22' });
  for (const connectorId of [0, 1]) {
    await station.call('StatusNotification', { connectorId, errorCode: 'NoError', status: 'Available' });
  }
};

obey({
  connect: async ({ n }) => {
    for (let done = 0; done < n; done += TOGETHER) {
      const some = Math.min(TOGETHER, n - done);
      await Promise.all(Array.from({ length: some }, () => boot(`S${String(stations.length).padStart(5, '0')}`)));
    }
  },
  talk: ({ each, mix }) => Promise.all(stations.map(async (station) => {
    for (let i = 0; i < each; i++) {
      if (mix === 'Heartbeat' || (mix === 'both' && i % 2 === 0)) {
        await station.call('Heartbeat', {});
      } else {
        const meterValue = [{ timestamp: new Date(EPOCH + ++step).toISOString(), sampledValue: samples }];
        await station.call('MeterValues', { connectorId: 1, transactionId: 1784, meterValue });
      }
    }
  })).then(() => null),
});
