// An epoch of a subnet by the command line and the real contracts: models and weights sealed before any is known, the copy gets nothing, Yuma's rule
// shares the reward, a wrong claim loses its bond.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { ethers } from 'ethers'
import { peaberry, root, startNode } from './support.mjs'

let node
const keys = {}
const home = (who) => path.join(node.home, who)
const as = (who, ...args) => peaberry(home(who), '--chain', node.rpc, '--address-file', node.addressFile, ...args)
const rpc = async (method, ...params) => (await (await fetch(node.rpc, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), headers: { 'content-type': 'application/json' } })).json()).result
const pass = async (seconds) => (await rpc('evm_increaseTime', seconds), await rpc('evm_mine'))
const trainers = ['ada', 'bob', 'copycat']
const validators = ['v0', 'v1', 'v2']
const model = (who) => home(who) + '/model.json'

before(async () => {
  node = await startNode('--no-compute')
  for (const who of ['sponsor', ...trainers, ...validators]) {
    keys[who] = (await peaberry(home(who), 'keys', 'new')).operator
    await as('sponsor', 'chain', 'fund', keys[who], '--coins', '5', '--tokens', '100')
  }
  // Two trainers on the same table, and one who got hold of the first one's model and touched it up.
  const table = home('table.csv')
  await peaberry(node.home, 'demo-data', table, '--rows', '4000')
  await peaberry(node.home, 'demo-data', home('holdout.csv'), '--rows', '1000', '--seed', '99')
  for (const [who, seed] of [['ada', '1'], ['bob', '2']]) {
    execFileSync(path.join(root, 'build/algorithms/tabular-trainer'), [table, home(who), 'heart_disease', seed])
    fs.renameSync(home(who) + '/quantised.json', model(who))
  }
  const stolen = JSON.parse(fs.readFileSync(model('ada')))
  const bytes = Buffer.from(stolen.qops, 'base64')
  for (let i = 60; i < bytes.length; i += 97) bytes[i] ^= 1
  fs.writeFileSync(model('copycat'), JSON.stringify({ ...stolen, qops: bytes.toString('base64') }))
})
after(() => node?.stop())

const open = async () =>
  (await as('sponsor', 'subnet', 'open', '--reward', '30', '--validator', ...validators.map((v) => keys[v]), '--holdout', '0x' + '11'.repeat(32), '--scoring', '0x' + '22'.repeat(32), '--models', '60', '--reveal', '60', '--weights', '60', '--weights-reveal', '60',
    '--claim-window', '60', '--claim-bond', '2')).epochId

let scores
test('one scoring program judges the models in the order of their commitments: the touched-up copy has weight 0', () => {
  const contest = home('contest.json')
  fs.writeFileSync(contest, JSON.stringify({ label: 'heart_disease', positive: '1', models: trainers.map((t) => JSON.parse(fs.readFileSync(model(t)))) }))
  fs.mkdirSync(home('scored'))
  execFileSync(path.join(root, 'build/algorithms/model-scorer'), [home('holdout.csv'), home('scored'), contest])
  scores = home('scored/scores.json')
  const told = JSON.parse(fs.readFileSync(scores)).scores
  assert.ok(told[0].weight > 10_000 && told[1].weight > 10_000, JSON.stringify(told))
  assert.equal(told[1].copyOf, null, 'an independent model of equal quality is left alone')
  assert.deepEqual([told[2].weight, told[2].copyOf], [0, 0])
})

test('sealed, opened, weighed, claimed, paid: the copy earns nothing', { timeout: 60_000 }, async () => {
  const epoch = await open()
  for (const t of trainers) await as(t, 'subnet', 'commit', epoch, '--model', model(t))
  await assert.rejects(as('ada', 'subnet', 'commit', epoch, '--model', model('ada')), /CommittedTwice/)
  await assert.rejects(as('ada', 'subnet', 'reveal', epoch, '--model', model('ada')), /TooEarly/)
  await pass(61)
  await assert.rejects(as('ada', 'subnet', 'reveal', epoch, '--model', model('bob')), /WrongCommitment/)
  for (const t of trainers) await as(t, 'subnet', 'reveal', epoch, '--model', model(t))
  await pass(60)
  const list = validators.map((v) => keys[v])
  await assert.rejects(as('ada', 'subnet', 'weigh', epoch, '--scores', scores, '--stake', '10', '--validators', ...list), /none of them/)
  for (const v of validators) await as(v, 'subnet', 'weigh', epoch, '--scores', scores, '--stake', '10', '--validators', ...list)
  await pass(60)
  for (const v of validators) await as(v, 'subnet', 'reveal-weights', epoch, '--scores', scores)
  await pass(60)
  const { toTrainers, toValidators } = await as('v0', 'subnet', 'claim', epoch)
  assert.equal(toTrainers[2], '0')
  assert.ok(BigInt(toTrainers[0]) > 0n && BigInt(toTrainers[1]) > 0n)
  const total = [...toTrainers, ...toValidators].reduce((sum, x) => sum + BigInt(x), 0n)
  assert.ok(total <= 30n * 10n ** 18n && total > 29n * 10n ** 18n)
  await assert.rejects(as('bob', 'subnet', 'challenge', epoch), /ResultIsRight/)
  await assert.rejects(as('bob', 'subnet', 'finalise', epoch), /TooEarly/)
  await pass(61)
  await as('bob', 'subnet', 'finalise', epoch)
  assert.equal((await as('ada', 'subnet', 'withdraw')).amount, toTrainers[0])
  assert.equal((await as('copycat', 'subnet', 'withdraw')).amount, '0')
  assert.equal((await as('v1', 'subnet', 'withdraw')).amount, (BigInt(toValidators[1]) + 10n * 10n ** 18n).toString(), 'dividends and the stake')
  assert.equal((await as('sponsor', 'subnet', 'show', epoch)).phase, 'final')
})

test('a wrong claim is recomputed by the chain and loses its bond', { timeout: 60_000 }, async () => {
  await as('bob', 'subnet', 'withdraw')
  const epoch = await open()
  await as('ada', 'subnet', 'commit', epoch, '--model', model('ada'))
  await pass(61)
  await as('ada', 'subnet', 'reveal', epoch, '--model', model('ada'))
  await pass(60)
  fs.writeFileSync(home('one.json'), JSON.stringify({ scores: [{ weight: 40_000 }] }))
  await as('v0', 'subnet', 'weigh', epoch, '--scores', home('one.json'), '--stake', '10', '--validators', ...validators.map((v) => keys[v]))
  await pass(60)
  await as('v0', 'subnet', 'reveal-weights', epoch, '--scores', home('one.json'))
  await pass(60)
  // The liar claims everything for itself, past the command line.
  const [{ Subnet, Ocean }] = Object.values(JSON.parse(fs.readFileSync(node.addressFile)))
  const provider = new ethers.JsonRpcProvider(node.rpc, undefined, { staticNetwork: true, cacheTimeout: -1 })
  try {
    const liar = await provider.getSigner(3)
    const artifact = JSON.parse(fs.readFileSync(path.join(root, 'build/contracts/out/Subnet.sol/Subnet.json')))
    const contract = new ethers.Contract(Subnet, artifact.abi, liar)
    const [opened] = (await contract.queryFilter(contract.filters.EpochOpened(epoch))).map((log) => log.args.terms)
    await (await new ethers.Contract(Ocean, ['function approve(address,uint256)'], liar).approve(Subnet, 10n ** 19n)).wait()
    await (await contract.claimResult(opened.toObject(), [30n * 10n ** 18n], [0n])).wait()
  } finally {
    provider.destroy()
  }
  await as('bob', 'subnet', 'challenge', epoch)
  assert.equal((await as('bob', 'subnet', 'withdraw')).amount, (2n * 10n ** 18n).toString())
  assert.equal((await as('sponsor', 'subnet', 'show', epoch)).phase, 'open')
})
