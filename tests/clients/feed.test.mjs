// A price by three reporters, by the command line and the real contract: the median of what holds, refused when it is stale or forged.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { AbiCoder, JsonRpcProvider, Contract } from 'ethers'
import { peaberry, root, sleep, startNode } from './support.mjs'

let node, folder, feed, artifact
const [homes, keys] = [{}, {}]
const run = (who, ...command) => peaberry(homes[who], '--chain', node.rpc, '--address-file', node.addressFile, 'feed', ...command)
const rpc = async (method, ...params) => (await (await fetch(node.rpc, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), headers: { 'content-type': 'application/json' } })).json()).result
const pass = async (seconds) => (await rpc('evm_increaseTime', seconds), await rpc('evm_mine'))
const observe = async (who, price) => JSON.stringify(await run(who, 'observe', feed, '--price', price))

before(async () => {
  node = await startNode('--no-compute')
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'peaberry-feed-'))
  for (const who of ['a', 'b', 'c', 'relay']) {
    homes[who] = fs.mkdtempSync(path.join(folder, who + '-'))
    keys[who] = (await peaberry(homes[who], 'keys', 'new')).operator
  }
  await peaberry(homes.relay, '--chain', node.rpc, '--address-file', node.addressFile, 'chain', 'fund', keys.relay, '--coins', '5')
  artifact = JSON.parse(fs.readFileSync(path.join(root, 'build/contracts/out/PriceFeed.sol/PriceFeed.json')))
  const words = AbiCoder.defaultAbiCoder().encode(['string', 'uint8', 'int192', 'int192', 'uint32', 'address[]'], ['TUSD / OCEAN', 8, 1, 10n ** 12n, 60, [keys.a, keys.b, keys.c]])
  const [bank] = await rpc('eth_accounts')
  const hash = await rpc('eth_sendTransaction', { from: bank, data: artifact.bytecode.object + words.slice(2) })
  for (let i = 0; !feed && i < 500; ++i) feed = (await rpc('eth_getTransactionReceipt', hash))?.contractAddress
})
after(async () => {
  await node?.stop()
  if (folder) fs.rmSync(folder, { recursive: true, force: true })
})

test('on a chain where nothing happens an old price does not stay fresh', async () => {
  const { feed: quiet } = await run('relay', 'deploy', '--description', 'QUIET / USD', '--heartbeat', '1', '--reporter', keys.a)
  await run('relay', 'report', quiet, '--observation', JSON.stringify(await run('a', 'observe', quiet, '--price', '1.5')))
  await sleep(2500)  // no block is mined: the newest one still has the report's time
  assert.equal((await run('relay', 'show', quiet)).fresh, false)
})

test('three reporters, one of them lies: the middle is the price, as any consumer reads it', async () => {
  assert.deepEqual([(await run('relay', 'show', feed)).round, (await run('relay', 'show', feed)).threshold], [0, 2])
  const seen = [await observe('a', '0.25'), await observe('b', '0.26'), await observe('c', '9999')]
  const reported = await run('relay', 'report', feed, '--observation', ...seen)
  assert.deepEqual([reported.round, reported.answer], [1, '26000000'])
  const shown = await run('relay', 'show', feed)
  assert.deepEqual([shown.answer, shown.fresh, shown.description], ['26000000', true, 'TUSD / OCEAN'])
  // Chainlink's reading interface, by a stranger's library.
  const provider = new JsonRpcProvider(node.rpc)
  const consumer = new Contract(feed, ['function latestRoundData() view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)', 'function decimals() view returns (uint8)'], provider)
  const data = await consumer.latestRoundData()
  assert.deepEqual([data.roundId, data.answer, await consumer.decimals()], [1n, 26_000_000n, 8n])
  provider.destroy()
})

test('what does not hold is left out, and too little is refused with its reasons', async () => {
  const good = await observe('a', '0.27')
  const forged = JSON.stringify({ ...JSON.parse(await observe('b', '0.28')), answer: '99' })
  await assert.rejects(run('relay', 'report', feed, '--observation', good, good, forged), /1 observations hold, 2 are needed; reporter 0: its reporter has one in already; reporter 1: its signature is not the reporter's/)
  const old = await observe('c', '0.29')
  await pass(61)
  await assert.rejects(run('relay', 'report', feed, '--observation', good, old), /older than the heartbeat/)
  const reported = await run('relay', 'report', feed, '--observation', await observe('a', '0.31'), await observe('c', '0.29'), old)
  assert.deepEqual([reported.round, reported.answer], [2, '31000000'], 'of two the upper')
  await assert.rejects(run('relay', 'report', feed, '--observation', good, good), /it is for round 2, the next is 3/)
})

test('a stale price is told as stale; strangers and nonsense are refused', async () => {
  await pass(62)
  assert.equal((await run('relay', 'show', feed)).fresh, false)
  await assert.rejects(run('relay', 'observe', feed, '--price', '1'), /no reporter/)
  await assert.rejects(run('a', 'observe', feed, '--price', '100000'), /answer/)
  await assert.rejects(run('relay', 'show', keys.a), /no contract/)
  await assert.rejects(run('relay', 'report', feed, '--observation', '{"reporter":1}'), /round/)
})
