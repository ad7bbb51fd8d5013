// The npm package `ocpp-rpc` in strict mode, as a central system or as stations: node peer.mjs central|station
//
// Lines of JSON on stdin say what to do, lines on stdout what happened. It only speaks and judges: what it is asked is
// handed on, and answered when the answer comes. The end of stdin ends it.
import { createInterface } from 'node:readline';
import { RPCClient, RPCServer } from 'ocpp-rpc';

const STRICT = { protocols: ['ocpp1.6'], strictMode: true };
const CALL_TIMEOUT_MS = 20_000;

const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');
const clients = new Map(); // identity -> its newest client
const asked = new Map(); // ticket -> what takes the answer
let tickets = 0;

function forget(identity) {
  clients.delete(identity);
  tell('closed', { identity });
}

function attend(client, identity) {
  const object = (why) => tell('objection', { identity, why });
  client.on('message', ({ message, outbound }) => tell('frame', { identity, heard: !outbound, raw: String(message) }));
  client.on('strictValidationFailure', ({ method, error, isCall, outbound }) =>
    object(`strict mode, ${outbound ? 'said' : 'heard'}, ${method}.${isCall ? 'req' : 'conf'}: ${error.message}`));
  client.on('badMessage', ({ error }) => object(`bad message: ${error.message}`));
  client.on('socketError', (error) => object(`WebSocket: ${error.message}`));
  client.once('close', () => {
    if (clients.get(identity) === client) forget(identity);
  });
  client.handle(({ method, params }) => new Promise((resolve, reject) => {
    asked.set(++tickets, { resolve, reject });
    tell('asked', { ticket: tickets, identity, action: method, payload: params });
  }));
  clients.set(identity, client);
}

async function openCentral() {
  const server = new RPCServer({ ...STRICT, callTimeoutMs: CALL_TIMEOUT_MS });
  server.auth((accept) => accept());
  server.on('client', (client) => {
    const old = clients.get(client.identity);
    if (old) forget(client.identity);
    old?.close({ force: true }); // a new link replaces the old one, which may be dead
    attend(client, client.identity);
    tell('opened', { identity: client.identity, subprotocol: client.protocol });
  });
  const listening = await server.listen(0, '127.0.0.1');
  tell('ready', { port: listening.address().port });
}

async function connect({ url, identity }) {
  const client = new RPCClient({ ...STRICT, endpoint: url, identity, reconnect: false, callTimeoutMs: CALL_TIMEOUT_MS });
  attend(client, identity);
  await client.connect();
  tell('opened', { identity, subprotocol: client.protocol });
  return {};
}

const DOES = {
  connect,
  call: ({ identity, action, payload }) => clients.get(identity).call(action, payload),
};

async function obey({ what, ticket, ...how }) {
  if (what === 'answer') {
    asked.get(ticket).resolve(how.payload);
  } else if (what === 'refuse') {
    asked.get(ticket).reject(Error(how.why));
  } else {
    try {
      tell('done', { ticket, payload: await DOES[what](how) });
    } catch (error) {
      tell('failed', { ticket, code: error.rpcErrorCode ?? '', why: error.message });
    }
  }
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => obey(JSON.parse(line)));
lines.on('close', () => process.exit());

if (process.argv[2] === 'central') await openCentral();
else tell('ready', {});
