// Jobs at hosts: whom the owner admits may run them, in its own sandbox, paid by a lease or for itself; nobody else gets a row.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { binary, peaberry, sleep, startNode } from './support.mjs'

let node, did, trainer
const processes = []
const keys = {}
const home = (who) => path.join(node.home, who)
const as = (who, ...args) => peaberry(home(who), '--chain', node.rpc, '--address-file', node.addressFile, '--node', node.url, ...args)
const owner = (...args) => peaberry(node.home, '--node', node.url, ...args)
const startHost = (who) => {
  const child = spawn(binary, ['--home', home(who), '--chain', node.rpc, '--address-file', node.addressFile, 'host', '--of', node.url, '--poll-ms', '100', '--log', 'debug'], { stdio: process.env.PEABERRY_HOST_LOG ? 'inherit' : 'ignore' })
  processes.push(child)
  return child
}

before(async () => {
  node = await startNode('--min-job-seconds', '1')
  const { operator } = await peaberry(node.home, 'keys', 'show')
  await owner('chain', 'fund', operator, '--coins', '10', '--tokens', '0')
  for (const who of ['host0', 'host1', 'buyer', 'stranger']) {
    keys[who] = (await peaberry(home(who), 'keys', 'new')).operator
    await owner('chain', 'fund', keys[who], '--coins', '5', '--tokens', '100')
  }
  await peaberry(node.home, 'demo-data', path.join(node.home, 'patients.csv'), '--rows', '2000')
  ;({ did: trainer } = await owner('algo', 'publish-trainer'))
  ;({ did } = await owner('publish', path.join(node.home, 'patients.csv'), '--name', 'Heart disease table', '--description', 'Rows of patients with a heart disease label', '--price', '5', '--compute', '--trust', trainer, '--hosts', keys.host0, '--hosts', keys.host1))
  await owner('table', 'register', did, '--file', path.join(node.home, 'patients.csv'))
})
after(async () => {
  for (const child of processes) child.kill('SIGTERM')
  await node?.stop()
})

const rpc = async (method, ...params) => (await (await fetch(node.rpc, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), headers: { 'content-type': 'application/json' } })).json()).result
const pass = async (seconds) => (await rpc('evm_increaseTime', seconds), await rpc('evm_mine'))
const train = (who, ...args) => as(who, 'compute', 'start', '--data', did, '--algo', trainer, '--custom', JSON.stringify({ label: 'heart_disease' }), ...args)
const order = async () => {
  const { orderId } = await as('buyer', 'auction', 'open', '--max-rate', '0.01', '--seconds', '1000', '--deposit', '5', '--hosts', keys.host0, keys.host1)
  await as('host0', 'auction', 'bid', orderId, '--rate', '0.008', '--hosts', keys.host0, keys.host1)
  await as('host1', 'auction', 'bid', orderId, '--rate', '0.006', '--hosts', keys.host0, keys.host1)
  await pass(61)
  await as('host0', 'auction', 'reveal', orderId, '--rate', '0.008')
  await as('host1', 'auction', 'reveal', orderId, '--rate', '0.006')
  await pass(60)
  return orderId
}

test('the winner of an auction trains on the rows in its own sandbox; the owner’s node publishes what its policy lets leave', { timeout: 30_000 }, async () => {
  const orderId = await order()
  await assert.rejects(train('buyer', '--lease', orderId), /no lease|nobody has started/)
  await as('host1', 'auction', 'start', orderId)
  await assert.rejects(train('stranger', '--lease', orderId), /another account/)
  startHost('host0')  // a host that has not won
  const run = train('buyer', '--lease', orderId, '--wait', '--output', home('buyer') + '/model', '--seconds', '120')
  await sleep(1500)
  const loser = fs.existsSync(path.join(home('host0'), 'hosted'))
  startHost('host1')
  const { job } = await run
  assert.equal(job.status, 70, job.reason)
  assert.equal(loser, false, 'the loser was handed nothing')
  assert.equal(job.hosted.host, keys.host1)
  assert.ok(job.hosted.bytesToHost > fs.statSync(path.join(node.home, 'patients.csv')).size)
  const { receipt } = JSON.parse(fs.readFileSync(home('buyer') + '/model/receipt.json'))
  assert.equal(receipt.host.host, keys.host1)
  assert.equal(receipt.host.outputHash, receipt.outputHash, 'the host signed the very outputs that were published')
  assert.ok(fs.existsSync(home('buyer') + '/model/model.onnx'))
  assert.deepEqual(fs.readdirSync(path.join(home('host1'), 'hosted')), [], 'no row is left open or sealed at the host')
  await as('buyer', 'auction', 'close', orderId)
})

test('a host runs for itself what it may run; whoever is no host does not', { timeout: 30_000 }, async () => {
  await assert.rejects(train('buyer', '--at-home'), /does not admit/)
  const { job } = await train('host0', '--at-home', '--wait', '--output', home('host0') + '/model')
  assert.equal(job.status, 70, job.reason)
  const [mine, theirs] = [home('host0'), home('buyer')].map((at) => fs.readFileSync(at + '/model/model.onnx'))
  assert.ok(mine.equals(theirs), 'the same manifest gives the same bytes on either machine')
})

test('the host applies the owner’s egress policy too', { timeout: 30_000 }, async () => {
  const open = await owner('publish', path.join(node.home, 'patients.csv'), '--name', 'Open to raw code', '--description', 'Rows for raw algorithms under an egress policy', '--free', '--compute', '--allow-raw', '--hosts', keys.host0)
  const thief = path.join(home('host0'), 'thief.sh')
  fs.writeFileSync(thief, 'head -c 900000 /data/inputs/*.csv > /data/outputs/rows.csv\n')
  const { job } = await as('host0', 'compute', 'start', '--data', open.did, '--raw', thief, '--at-home', '--wait')
  assert.notEqual(job.status, 70)
  assert.match(job.reason, /egress/)
})

test('a host that never comes ends the job, not the node', { timeout: 60_000 }, async () => {
  for (const child of processes.splice(0)) child.kill('SIGTERM')
  const { job } = await train('host0', '--at-home', '--wait', '--seconds', '2')
  assert.equal(job.status, 41)
  assert.match(job.reason, /did not bring/)
})
