// The till by the command line: revenue is shared out, half of the community's part burned, half granted by a vote of real veOCEAN; a robot buys
// by the call and promises nothing twice.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { ethers } from 'ethers'
import { binary, freePort, peaberry, sleep, startNode } from './support.mjs'

let node, provider, addresses
const keys = {}
const home = (who) => path.join(node.home, who)
const as = (who, ...args) => peaberry(home(who), '--chain', node.rpc, '--address-file', node.addressFile, ...args)
const rpc = async (method, ...params) => (await (await fetch(node.rpc, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), headers: { 'content-type': 'application/json' } })).json()).result
const balance = (token, who) => new ethers.Contract(token, ['function balanceOf(address) view returns (uint256)'], provider).balanceOf(who)
const E18 = 10n ** 18n

before(async () => {
  node = await startNode('--no-compute')
  addresses = Object.values(JSON.parse(fs.readFileSync(node.addressFile)))[0]
  provider = new ethers.JsonRpcProvider(node.rpc, undefined, { staticNetwork: true, cacheTimeout: -1 })
  for (const who of ['owner', 'trainer', 'machine', 'locker', 'late', 'worker', 'robot', 'seller']) {
    keys[who] = (await peaberry(home(who), 'keys', 'new')).operator
    await as('owner', 'chain', 'fund', keys[who], '--coins', '5', '--tokens', '1000')
  }
})
after(async () => {
  provider?.destroy()
  await node?.stop()
})

test('revenue is shared out to the wei; the community burns half and grants half by a vote of lockers', { timeout: 60_000 }, async () => {
  await as('locker', 've', 'lock', '500', '--weeks', '52')
  await assert.rejects(as('locker', 've', 'lock', '1', '--weeks', '209'), /weeks/)
  const { governor } = await as('owner', 'grants', 'deploy', '--delay', '1', '--period', '8', '--threshold', '0', '--quorum', '10')
  const { router } = await as('owner', 'revenue', 'deploy', '--party', `${keys.owner}:5000`, '--party', `${keys.trainer}:2000`, '--party', `${keys.machine}:1000`, '--grants', governor)
  const bank = await provider.getSigner(0)
  await (await new ethers.Contract(addresses.Ocean, ['function transfer(address,uint256)'], bank).transfer(router, 100n * E18 + 7n)).wait()
  const shared = await as('machine', 'revenue', 'distribute', router)
  assert.equal(shared.amount, (100n * E18 + 7n).toString())
  const before = await balance(addresses.Ocean, keys.owner)
  assert.equal((await as('machine', 'revenue', 'withdraw', router, '--account', keys.owner)).amount, (50n * E18 + 3n).toString())
  assert.equal((await balance(addresses.Ocean, keys.owner)) - before, 50n * E18 + 3n)
  const dead = '0x000000000000000000000000000000000000dEaD'
  for (const who of [dead, governor, keys.trainer, keys.machine]) await as('machine', 'revenue', 'withdraw', router, '--account', who)
  assert.equal(await balance(addresses.Ocean, dead), BigInt(shared.burned))
  assert.equal(await balance(addresses.Ocean, governor), BigInt(shared.granted))
  assert.equal(await balance(addresses.Ocean, router), 0n, 'nothing stays')

  const { proposal } = await as('locker', 'grants', 'propose', governor, '--to', keys.worker, '--amount', '5', '--why', 'a new data set for the farm')
  await rpc('anvil_mine', '0x2')
  await as('late', 've', 'lock', '900', '--weeks', '200')  // after the snapshot
  await as('late', 'grants', 'vote', governor, proposal, '--against')
  await as('locker', 'grants', 'vote', governor, proposal)
  await assert.rejects(as('worker', 'grants', 'execute', governor, proposal), /GovernorUnexpectedProposalState/)
  await rpc('anvil_mine', '0x9')
  const shown = await as('worker', 'grants', 'show', governor, proposal)
  assert.deepEqual([shown.state, shown.against], ['succeeded', '0'])
  assert.ok(BigInt(shown.for) > 0n)
  const worker = await balance(addresses.Ocean, keys.worker)
  await as('worker', 'grants', 'execute', governor, proposal)
  assert.equal((await balance(addresses.Ocean, keys.worker)) - worker, 5n * E18)
})

test('a robot buys out of a channel, dies, goes on where it was, needs no chain, and pays what it bought', { timeout: 90_000 }, async () => {
  let served = 0
  const upstream = http.createServer((request, response) => response.end(JSON.stringify({ answer: ++served })))
  await new Promise((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const port = await freePort()
  await as('robot', 'chain', 'mint', keys.robot, '--amount', '10')
  let toll
  const openToll = async (price) => {
    toll = spawn(binary, ['--json', '--home', home('seller'), '--chain', node.rpc, '--address-file', node.addressFile, 'toll', '--upstream', `http://127.0.0.1:${upstream.address().port}`, '--price', price, '--port', port, '--claim-every', '3600'].map(String), { stdio: ['ignore', 'pipe', 'ignore'] })
    return JSON.parse(String(await new Promise((resolve) => toll.stdout.once('data', resolve))).split('\n')[0])
  }
  const closeToll = () =>
    new Promise((resolve) => {
      toll.once('exit', resolve)
      toll.kill('SIGTERM')
    })
  const ready = await openToll('0.01')
  let dearer = 0n
  const buy = (...extra) => as('robot', 'robot', '--url', ready.url + '/answer', '--deposit-calls', '50', ...extra)
  try {
    const exact = await buy('--exact')
    assert.deepEqual([exact.answers, exact.paid, exact.transactions.length], [1, '10000', 1])
    await assert.rejects(buy('--price-max', '0.001'), /costs 10000, at most 1000/)
    const first = await buy('--calls', '10')
    assert.deepEqual([first.answers, first.paid, first.promised, first.deposited], [10, '100000', '100000', '500000'])
    // It dies in the middle of buying: whatever it had promised is on its disk or told back by the seller, under its own signature.
    const dying = spawn(binary, ['--json', '--home', home('robot'), '--chain', node.rpc, '--address-file', node.addressFile, 'robot', '--url', ready.url + '/answer', '--calls', '1000', '--deposit-calls', '50'], { stdio: 'ignore' })
    await sleep(60)
    dying.kill('SIGKILL')
    await sleep(100)
    const then = served
    const after = await buy('--calls', '5')
    assert.equal(after.answers, 5)
    assert.equal(served, then + 5)
    // The chain stands still: vouchers are signatures, and go on.
    const pid = JSON.parse(fs.readFileSync(path.join(node.home, 'ledger/anvil.json'))).pid
    process.kill(pid, 'SIGSTOP')
    try {
      const offline = await buy('--calls', '5')
      assert.deepEqual([offline.answers, offline.deposited], [5, '0'])
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    const promised = BigInt((await buy('--calls', '1')).promised)
    assert.equal(promised, BigInt(served - 1) * 10_000n, 'every answer but the exact one, once')
    // The seller's price goes up: it is paid out of the same channel, as far as the robot allows.
    await closeToll()
    await openToll('0.015')
    await assert.rejects(buy('--calls', '1', '--price-max', '0.012'), /costs 15000, at most 12000/)
    const after_rise = await buy('--calls', '2', '--price-max', '0.02')
    assert.deepEqual([after_rise.answers, after_rise.paid], [2, '30000'])
    dearer = 2n * 5_000n
    await assert.rejects(buy('--calls', '1', '--price-max', '0.012'), /costs 15000, at most 12000/)
  } finally {
    await closeToll()
    upstream.close()
  }
  assert.equal(await balance(addresses.TestUSD, ready.payTo), BigInt(served) * 10_000n + dearer, 'one claim at the end pays for every answer')
})
