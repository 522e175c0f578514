// A machine by sealed bids, by the command line and the real contracts: hosts bid, the cheaper wins, starts by itself, is paid by the second.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { peaberry, startNode } from './support.mjs'

let node, folder
const [homes, keys] = [{}, {}]
const run = (who, ...command) => peaberry(homes[who], '--chain', node.rpc, '--address-file', node.addressFile, 'auction', ...command)
const rpc = async (method, ...params) => (await (await fetch(node.rpc, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), headers: { 'content-type': 'application/json' } })).json()).result
const pass = async (seconds) => (await rpc('evm_increaseTime', seconds), await rpc('evm_mine'))
const ocean = 10n ** 18n
const open = (...extra) => run('tenant', 'open', '--max-rate', '0.01', '--seconds', '1000', '--deposit', '5', '--hosts', keys.host0, keys.host1, ...extra)

before(async () => {
  node = await startNode('--no-compute')
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'peaberry-auction-'))
  for (const who of ['tenant', 'host0', 'host1', 'stranger']) {
    homes[who] = fs.mkdtempSync(path.join(folder, who + '-'))
    keys[who] = (await peaberry(homes[who], 'keys', 'new')).operator
    await peaberry(homes[who], '--chain', node.rpc, '--address-file', node.addressFile, 'chain', 'fund', keys[who], '--coins', '5', '--tokens', '100')
  }
})
after(async () => {
  await node?.stop()
  if (folder) fs.rmSync(folder, { recursive: true, force: true })
})

test('the cheaper host wins, starts, and is paid by the second; the loser has its deposit back', async () => {
  const { orderId, budget } = await open()
  assert.equal(BigInt(budget), 10n * ocean)
  await assert.rejects(run('stranger', 'bid', orderId, '--rate', '0.001', '--hosts', keys.host0, keys.host1), /only hosts may bid/)
  await assert.rejects(run('host0', 'bid', orderId, '--rate', '0.02', '--hosts', keys.host0, keys.host1), /rate/)
  await assert.rejects(run('host0', 'bid', orderId, '--rate', '0.001', '--hosts', keys.host1, keys.host0), /not the order's/)
  await run('host0', 'bid', orderId, '--rate', '0.008', '--hosts', keys.host0, keys.host1)
  await run('host1', 'bid', orderId, '--rate', '0.006', '--hosts', keys.host0, keys.host1)
  await assert.rejects(run('host1', 'reveal', orderId, '--rate', '0.006'), /TooEarly/)
  await pass(61)
  await assert.rejects(run('host0', 'reveal', orderId, '--rate', '0.005'), /NoSuchBid/)
  await run('host0', 'reveal', orderId, '--rate', '0.008')
  await run('host1', 'reveal', orderId, '--rate', '0.006')
  await pass(60)
  const shown = await run('tenant', 'show', orderId)
  assert.deepEqual([shown.phase, shown.bids, shown.winner, BigInt(shown.rate)], ['open', 2, keys.host1, (6n * ocean) / 1000n])
  await assert.rejects(run('host0', 'start', orderId), /NotTheWinner/)
  await run('host1', 'start', orderId)
  await run('host0', 'release', orderId)
  assert.equal(BigInt((await run('host0', 'withdraw')).amount), 5n * ocean)
  assert.equal(BigInt((await run('tenant', 'withdraw')).amount), 4n * ocean, 'what the price leaves of the budget')
  await pass(100)
  await run('stranger', 'settle', orderId)
  const { lease } = await run('tenant', 'show', orderId)
  assert.equal(lease.status, 'active')
  assert.ok(BigInt(lease.paid) >= (600n * ocean) / 1000n && BigInt(lease.paid) <= (660n * ocean) / 1000n, lease.paid)
  await run('tenant', 'close', orderId)
  await assert.rejects(run('tenant', 'close', orderId), /LeaseNotActive/)
  const closed = (await run('tenant', 'show', orderId)).lease
  assert.deepEqual([closed.status, closed.left], ['closed', '0'])
})

test('a winner that does not start pays for it, and the next has its turn; then the budget goes back', async () => {
  const { orderId } = await open('--start-within', '30')
  for (const [who, rate] of [['host0', '0.002'], ['host1', '0.003']]) await run(who, 'bid', orderId, '--rate', rate, '--hosts', keys.host0, keys.host1)
  await pass(61)
  for (const [who, rate] of [['host0', '0.002'], ['host1', '0.003']]) await run(who, 'reveal', orderId, '--rate', rate)
  await pass(91)
  await assert.rejects(run('host0', 'start', orderId), /TooLate/)
  await run('stranger', 'pass', orderId)
  assert.equal((await run('tenant', 'show', orderId)).winner, keys.host1)
  await pass(31)
  await run('stranger', 'pass', orderId)
  assert.equal((await run('tenant', 'show', orderId)).phase, 'failed')
  assert.equal(BigInt((await run('tenant', 'withdraw')).amount), 12n * ocean, 'the budget, and a fifth of each deposit')
  assert.equal(BigInt((await run('host0', 'withdraw')).amount), 4n * ocean)
})

test('bad words get a sentence', async () => {
  await assert.rejects(run('tenant', 'show', '0x12'), /order/)
  await assert.rejects(run('tenant', 'show', '0x' + '11'.repeat(32)), /no order/)
  await assert.rejects(run('tenant', 'open', '--max-rate', 'cheap', '--hosts', keys.host0), /max-rate/)
  await assert.rejects(run('tenant', 'open', '--max-rate', '1', '--hosts', 'nobody'), /hosts/)
})
