// A central system with the npm package ocpp-rpc in strict mode. It stores nothing.
'use strict';
const { RPCServer } = require('ocpp-rpc');
const { obey } = require('./orders.cjs');

const now = () => new Date().toISOString();
const server = new RPCServer({ protocols: ['ocpp1.6'], strictMode: true });
server.auth((accept) => accept({}, 'ocpp1.6'));
server.on('client', (station) => {
  station.handle('BootNotification', () => ({ status: 'Accepted', interval: 86400, currentTime: now() }));
  station.handle('Heartbeat', () => ({ currentTime: now() }));
  station.handle('StatusNotification', () => ({}));
  station.handle('MeterValues', () => ({}));
});
server.listen(0, '127.0.0.1').then((http) => obey({}, { port: http.address().port }));
