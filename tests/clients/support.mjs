// Starts real nodes for tests of clients: one `peaberry up` with its own chain, and commands beside it.
import { execFile, spawn } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
export const binary = process.env.PEABERRY ?? path.join(root, 'build/bin/peaberry')

export const freePort = () =>
  new Promise((resolve, reject) => {
    const server = net.createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Runs one peaberry command and returns its JSON; throws with the command's own message. */
export function peaberry(home, ...args) {
  return new Promise((resolve, reject) => {
    execFile(binary, ['--json', '--home', home, ...args], { maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      let reply
      try {
        reply = JSON.parse(stdout.trim().split('\n').pop())
      } catch {
        return reject(new Error(`${args[0]}: ${stdout}${stderr}`))
      }
      if (reply?.error) return reject(Object.assign(new Error(reply.error.message), reply.error))
      resolve(reply)
    })
  })
}

/** A temporary home with a node and a chain; `stop` ends both and removes it. */
export async function startNode(...extra) {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'peaberry-test-'))
  fs.chmodSync(home, 0o711)
  const [port, chainPort] = [await freePort(), await freePort()]
  const child = spawn(binary, ['--json', '--home', home, 'up', '--port', port, '--chain-port', chainPort, ...extra].map(String), { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stderr.on('data', (chunk) => (log += chunk))
  const running = await new Promise((resolve, reject) => {
    child.stdout.once('data', (line) => resolve(JSON.parse(String(line).split('\n')[0])))
    child.once('exit', () => reject(new Error('the node ended: ' + log)))
  })
  const end = (process) =>
    new Promise((resolve) => {
      process.removeAllListeners('exit')
      if (process.exitCode !== null || process.signalCode !== null) return resolve()
      process.once('exit', resolve)
      process.kill('SIGTERM')
    })
  return {
    home,
    child,
    url: running.node,
    rpc: running.chain,
    addressFile: running.addressFile,
    log: () => log,
    stopNodeOnly() {
      return end(this.child)
    },
    async stop() {
      await end(this.child)
      await peaberry(home, 'chain', 'stop').catch(() => {})
      fs.rmSync(home, { recursive: true, force: true })
    }
  }
}
