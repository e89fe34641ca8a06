// One @ethereumjs/client, on the loopback only. Arguments are the client's own.
import dgram from 'node:dgram'
import net from 'node:net'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const HOST = '127.0.0.1'
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (first, ...rest) {
  if (typeof first === 'number') return listen.call(this, first, HOST, ...rest.filter((one) => typeof one !== 'string'))
  if (first && typeof first === 'object' && 'port' in first) return listen.call(this, { ...first, host: HOST }, ...rest)
  return listen.call(this, first, ...rest)
}
const bind = dgram.Socket.prototype.bind
dgram.Socket.prototype.bind = function (first, ...rest) {
  if (typeof first === 'number') return bind.call(this, first, HOST, ...rest.filter((one) => typeof one !== 'string'))
  return bind.call(this, { ...first, address: HOST }, ...rest)
}

// it merges the same parameters again for every transaction, each time more slowly
const client = createRequire(import.meta.url).resolve('@ethereumjs/client/package.json').replace('package.json', '')
const { Common } = await import(pathToFileURL(createRequire(client).resolve('@ethereumjs/common').replace('/cjs/', '/esm/')))
const merge = Common.prototype.updateParams
const merged = new WeakMap()
Common.prototype.updateParams = function (params) {
  if (!merged.has(this)) merged.set(this, new WeakSet())
  if (merged.get(this).has(params)) return
  merged.get(this).add(params)
  merge.call(this, params)
}

await import(pathToFileURL(`${client}dist/esm/bin/cli.js`))
