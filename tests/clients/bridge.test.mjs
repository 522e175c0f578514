// An order on one chain for something on another, over two real chains: paid when the delivery is proven by the other chain's block, never both
// paid and refunded; late deliveries, foreign proofs and reorgs pay nobody.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { ethers } from 'ethers'
import { freePort, peaberry, root, sleep, startNode } from './support.mjs'

let node, anvilB, urlB, fileB, providerB, addressesA, addressesB, shop
const keys = {}
const home = (who) => path.join(node.home, who)
const as = (who, ...args) => peaberry(home(who), '--chain', node.rpc, '--address-file', node.addressFile, ...args)
const b = () => ['--chain-b', urlB, '--chain-b-id', '31337', '--address-file-b', fileB]
const call = async (url, method, ...params) => {
  const reply = await (await fetch(url, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), headers: { 'content-type': 'application/json' } })).json()
  if (reply.error) throw new Error(reply.error.message)
  return reply.result
}
const COMMIT_WINDOW = 600
const passBoth = async (seconds) => {
  for (const url of [node.rpc, urlB]) await call(url, 'evm_increaseTime', seconds), await call(url, 'evm_mine')
}
const usd = (who) => new ethers.Contract(addressesB.TestUSD, ['function balanceOf(address) view returns (uint256)'], providerB).balanceOf(who)

before(async () => {
  node = await startNode('--no-compute')
  fileB = path.join(node.home, 'b', 'ledger', 'address.json')
  const port = await freePort()
  urlB = `http://127.0.0.1:${port}`
  await peaberry(home('b'), '--chain-id', '31337', 'chain', 'start', '--port', String(port))
  addressesA = Object.values(JSON.parse(fs.readFileSync(node.addressFile)))[0]
  addressesB = Object.values(JSON.parse(fs.readFileSync(fileB)))[0]
  providerB = new ethers.JsonRpcProvider(urlB, undefined, { staticNetwork: true, cacheTimeout: -1 })
  const signers = []
  for (const who of ['buyer', 'executor', 'signer0', 'signer1', 'signer2']) {
    keys[who] = (await peaberry(home(who), 'keys', 'new')).operator
    await as('buyer', 'chain', 'fund', keys[who], '--coins', '5', '--tokens', '100')
    await peaberry(home(who), '--chain', urlB, '--chain-id', '31337', '--address-file', fileB, 'chain', 'fund', keys[who], '--coins', '5', '--tokens', '0')
    if (who.startsWith('signer')) signers.push(keys[who])
  }
  fs.writeFileSync(home('policy.json'), JSON.stringify({ quorum: { k: 2, commitWindow: COMMIT_WINDOW, signers, window: 60 } }))
  const bank = await providerB.getSigner(0)
  await (await new ethers.Contract(addressesB.TestUSD, ['function mint(address,uint256)'], bank).mint(keys.executor, 1_000_000_000n)).wait()
  // What is for sale on B: whoever calls it with the price gets a receipt in its books.
  shop = addressesB.TestUSD
})
after(async () => {
  providerB?.destroy()
  await peaberry(home('b'), 'chain', 'stop').catch(() => {})
  await node?.stop()
})

const order = (...extra) => {
  const data = new ethers.Interface(['function transfer(address,uint256)']).encodeFunctionData('transfer', [keys.buyer, 5_000_000n])
  return as('buyer', 'bridge', 'order', '--chain-b-id', '31337', '--inbox', addressesB.Inbox, '--target', shop, '--data', data, '--token-b', addressesB.TestUSD, '--price', '5', '--decimals-b', '6', '--recipient', keys.buyer,
    '--executor', keys.executor, '--policy', home('policy.json'), '--deliver-within', '100', ...(extra.length ? extra : ['--amount', '11']))
}
const prove = (jobId, file = home('proof.json')) => as('executor', 'bridge', 'prove', jobId, ...b(), '-o', file)
const attest = (who, jobId, file = home('proof.json'), confirmations = '2') => as(who, 'bridge', 'attest', jobId, ...b(), '--proof', file, '--confirmations', confirmations)

test('a delivery is proven by B’s block, two of three sign, A pays the executor', { timeout: 60_000 }, async () => {
  const { jobId, messageHash } = await order()
  await assert.rejects(as('buyer', 'bridge', 'deliver', jobId, ...b()), /NotTheExecutor|insufficient|ERC20/)
  await assert.rejects(prove(jobId), /not delivered/)
  await as('executor', 'bridge', 'deliver', jobId, ...b())
  assert.equal(await usd(keys.buyer), 5_000_000n)
  await assert.rejects(as('executor', 'bridge', 'deliver', jobId, ...b()), /DeliveredBefore/)
  await prove(jobId)
  await assert.rejects(attest('signer0', jobId), /of 2 confirmations/)
  await call(urlB, 'anvil_mine', '0x2')
  const proof = JSON.parse(fs.readFileSync(home('proof.json')))
  fs.writeFileSync(home('forged.json'), JSON.stringify({ ...proof, nodes: proof.nodes.map((n, i) => (i === proof.nodes.length - 1 ? n.replace(messageHash.slice(2), '77'.repeat(32)) : n)) }))
  await assert.rejects(attest('signer0', jobId, home('forged.json')), /has another hash/)
  const { outputHash } = await attest('signer0', jobId)
  assert.equal((await attest('signer1', jobId)).outputHash, outputHash)
  await passBoth(COMMIT_WINDOW + 1)
  const votes = []
  for (const who of ['signer0', 'signer1']) votes.push('--vote', (await as(who, 'job', 'reveal', jobId, '--output-hash', outputHash)).vote)
  await as('executor', 'job', 'claim', jobId, '--output-hash', outputHash, ...votes)
  await passBoth(61)
  await as('signer2', 'job', 'finalise', jobId)
  assert.equal((await as('executor', 'job', 'withdraw')).amount, (11n * 10n ** 18n).toString())
  await assert.rejects(as('buyer', 'job', 'refund', jobId), /final already/)
})

test('another order’s delivery proves nothing for this one', { timeout: 60_000 }, async () => {
  const { jobId } = await order()
  await call(urlB, 'anvil_mine', '0x3')
  await assert.rejects(attest('signer0', jobId), /records no delivery of message/)
})

test('at T_B + 1 nothing is delivered, and the money goes back', { timeout: 60_000 }, async () => {
  const { jobId, deliverUntil } = await order()
  const late = deliverUntil - Number((await providerB.getBlock('latest')).timestamp)
  await passBoth(late + 1)
  await assert.rejects(as('executor', 'bridge', 'deliver', jobId, ...b()), /TooLate/)
  await passBoth(COMMIT_WINDOW + 300)
  await as('signer2', 'job', 'refund', jobId)
  await assert.rejects(as('executor', 'job', 'finalise', jobId), /refunded already/)
})

test('a reorg of B before signing: the proof is of a block that is no more; delivered again, it is paid once', { timeout: 60_000 }, async () => {
  const { jobId } = await order()
  const snapshot = await call(urlB, 'evm_snapshot')
  await as('executor', 'bridge', 'deliver', jobId, ...b())
  await prove(jobId)
  await call(urlB, 'evm_revert', snapshot)
  await call(urlB, 'anvil_mine', '0x5')
  await assert.rejects(attest('signer0', jobId), /thrown out by a reorg, or never was/)
  fs.rmSync(path.join(home('executor'), 'node.sqlite'), { force: true })  // its journal knows the transaction of the other history
  await as('executor', 'bridge', 'deliver', jobId, ...b())
  await prove(jobId)
  await call(urlB, 'anvil_mine', '0x2')
  assert.ok((await attest('signer0', jobId)).outputHash)
})

test('at T_B − 1 it is delivered; a reorg of B after the signatures pays once and refunds nothing', { timeout: 60_000 }, async () => {
  const { jobId, deliverUntil } = await order()
  const snapshot = await call(urlB, 'evm_snapshot')
  await call(urlB, 'evm_setNextBlockTimestamp', deliverUntil - 1)
  await call(urlB, 'evm_mine')
  await call(urlB, 'evm_setNextBlockTimestamp', deliverUntil)
  await as('executor', 'bridge', 'deliver', jobId, ...b())
  await prove(jobId)
  await call(urlB, 'anvil_mine', '0x2')
  const { outputHash, deliveredAt } = await attest('signer0', jobId)
  assert.equal(deliveredAt, deliverUntil)
  await attest('signer2', jobId)
  await call(urlB, 'evm_revert', snapshot)  // deeper than the confirmations that the signers asked for
  await call(urlB, 'anvil_mine', '0x3')
  await passBoth(COMMIT_WINDOW + 1)
  const votes = []
  for (const who of ['signer0', 'signer2']) votes.push('--vote', (await as(who, 'job', 'reveal', jobId, '--output-hash', outputHash)).vote)
  await as('executor', 'job', 'claim', jobId, '--output-hash', outputHash, ...votes)
  await passBoth(61)
  await as('signer1', 'job', 'finalise', jobId)
  await assert.rejects(as('buyer', 'job', 'refund', jobId), /final already/)
  const { text } = await as('buyer', 'explain', jobId)
  assert.match(text, /A job of kind message: .* It is final\..* that claim is accepted/)
  const { claims } = await as('buyer', 'job', 'show', jobId)
  assert.match((await as('buyer', 'explain', claims[0].claimId)).text, /^A claim of 0x/)
  await assert.rejects(as('buyer', 'explain', '0x' + '12'.repeat(32)), /no job, claim or transaction/)
  await assert.rejects(as('buyer', 'explain', 'coffee'), /neither a DID nor/)
})

test('a feed prices the order, and an old price is not acted on', { timeout: 60_000 }, async () => {
  const [wallet] = [ethers.Wallet.createRandom()]
  const artifact = JSON.parse(fs.readFileSync(path.join(root, 'build/contracts/out/PriceFeed.sol/PriceFeed.json')))
  const providerA = new ethers.JsonRpcProvider(node.rpc, undefined, { staticNetwork: true, cacheTimeout: -1 })
  try {
    const feed = await new ethers.ContractFactory(artifact.abi, artifact.bytecode.object, await providerA.getSigner(0)).deploy('OCEAN / USD', 8, 1n, 10n ** 12n, 120, [wallet.address])
    await feed.waitForDeployment()
    const target = await feed.getAddress()
    await assert.rejects(order('--feed', target), /none, older|its last price is none/)
    const timestamp = (await providerA.getBlock('latest')).timestamp
    const signature = ethers.Signature.from(await wallet.signTypedData({ name: 'Peaberry Feed', version: '1', chainId: 8996, verifyingContract: target }, { Observation: [{ name: 'round', type: 'uint64' }, { name: 'timestamp', type: 'uint40' }, { name: 'answer', type: 'int192' }] }, { round: 1, timestamp, answer: 45_000_000n }))
    await (await feed.report(1, [[0, timestamp, 45_000_000n, signature.r, signature.yParityAndS]])).wait()
    const { amount } = await order('--feed', target)
    assert.equal(BigInt(amount), (5n * 10n ** 18n * 100n + 44n) / 45n, '5 USD at 0.45 USD an OCEAN, rounded up')
    await passBoth(121)
    await assert.rejects(order('--feed', target), /older than its heartbeat/)
  } finally {
    providerA.destroy()
  }
})
