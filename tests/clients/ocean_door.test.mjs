// An environment that is paid by evidence: npm's unmodified @oceanprotocol/lib 8.0.0 starts a paid job as at any Ocean node; three members
// in processes of their own run it again; the money moves when two of them found the same output, and goes back at once when the claim
// is wrong, also when the executor's node has died.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { binary, freePort, peaberry, sleep } from './support.mjs'

const COMMIT_WINDOW = 10
let node, lib, ethers, signer, addresses, config, trainer, dataset, hidden, folder
const members = []
const chain = () => ['--chain', node.rpc, '--address-file', node.addressFile]
const me = () => signer.getAddress()

async function spawned(child) {
  let log = ''
  child.stderr.on('data', (chunk) => (log += chunk))
  const line = await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve)
    child.once('exit', () => reject(new Error('ended: ' + log)))
  })
  child.log = () => log
  return JSON.parse(String(line).split('\n')[0])
}
const ended = (child) => (child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((resolve) => child.once('exit', resolve)))
async function stop(child) {
  child?.kill('SIGTERM')
  if (child) await ended(child)
}

async function startNode() {
  const child = spawn(binary, ['--json', '--home', node.home, 'up', '--port', node.port, '--chain-port', node.chainPort, '--min-job-seconds', '1', '--cpu-price', '60', '--evidence', path.join(folder, 'policy.json')].map(String), { stdio: ['ignore', 'pipe', 'pipe'] })
  const running = await spawned(child)
  Object.assign(node, { child, url: running.node, rpc: running.chain, addressFile: running.addressFile })
}
function startMember(home) {
  const child = spawn(binary, ['--json', '--home', home, ...chain(), 'member', '--of', node.url, '--grace', '5', '--poll-ms', '200'], { stdio: ['ignore', 'pipe', 'pipe'] })
  return spawned(child).then(() => child)
}

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'peaberry-door-'))
  fs.chmodSync(folder, 0o711)
  node = { home: path.join(folder, 'node'), port: await freePort(), chainPort: await freePort() }
  const signers = []
  for (let i = 0; i < 3; i++) {
    const home = path.join(folder, 'member' + i)
    signers.push((await peaberry(home, 'keys', 'new')).operator)
    members.push({ home })
  }
  fs.writeFileSync(path.join(folder, 'policy.json'), JSON.stringify({ quorum: { k: 2, commitWindow: COMMIT_WINDOW, signers, window: 60 } }))
  await startNode()
  for (const address of signers) await peaberry(node.home, 'chain', 'fund', address, '--coins', '2', '--tokens', '0')
  for (const member of members) member.child = await startMember(member.home)
  process.env.ADDRESS_FILE = node.addressFile
  lib = await import('@oceanprotocol/lib')
  ethers = (await import('ethers')).ethers
  lib.LoggerInstance.setLevel(lib.LogLevel.Error)
  addresses = JSON.parse(fs.readFileSync(node.addressFile)).development
  const provider = new ethers.JsonRpcProvider(node.rpc, undefined, { cacheTimeout: -1 })
  provider.pollingInterval = 50
  signer = await provider.getSigner(1)
  config = new lib.ConfigHelper().getConfig(8996)
  config.oceanNodeUri = node.url
  const csv = path.join(folder, 'table.csv')
  await peaberry(node.home, 'demo-data', csv, '--rows', '2000')
  trainer = await peaberry(node.home, 'algo', 'publish-trainer')
  dataset = await peaberry(node.home, 'publish', csv, '--name', 'Public table', '--description', 'Rows that anybody may hold', '--free', '--compute', '--trust', trainer.did, '--hosts', '*')
  hidden = await peaberry(node.home, 'publish', csv, '--name', 'Private table', '--description', 'Rows that nobody else may hold', '--free', '--compute', '--trust', trainer.did)
})
after(async () => {
  for (const member of members) await stop(member.child)
  await stop(node?.child)
  await peaberry(node.home, 'chain', 'stop').catch(() => {})
  fs.rmSync(folder, { recursive: true, force: true })
})

async function ordered(asset, environment, plan) {
  const datatoken = new lib.Datatoken(signer, 8996)
  const dispenser = new lib.Dispenser(addresses.Dispenser, signer, 8996)
  await (await dispenser.dispense(asset.datatoken, '1', await me())).wait()
  const order = await (await datatoken.startOrder(asset.datatoken, environment.consumerAddress, 0, plan.providerFee)).wait()
  return { documentId: asset.did, serviceId: asset.serviceId, transferTxId: order.hash }
}
const funds = async (plan) => new lib.EscrowContract(plan.payment.escrowAddress, signer, 8996).getUserFunds(await me(), addresses.Ocean)

/** Everything an Ocean client does up to a running paid job. */
async function start(data) {
  const { ProviderInstance, EscrowContract } = lib
  const [environment] = await ProviderInstance.getComputeEnvironments(node.url)
  const resources = [{ id: 'cpu', amount: 1 }]
  const algorithm = { documentId: trainer.did, serviceId: trainer.serviceId, algocustomdata: { label: 'heart_disease', model: 'logistic' } }
  const plan = await ProviderInstance.initializeCompute([{ documentId: data.did, serviceId: data.serviceId }], algorithm, environment.id, addresses.Ocean, 120, node.url, await me(), resources, 8996)
  assert.equal(plan.payment.minLockSeconds, 120 + environment.queMaxWaitTime + 60 + 3600, "job + queue + the policy's end + an hour")
  const orderedData = await ordered(data, environment, plan.datasets[0])
  const orderedAlgorithm = { ...algorithm, ...(await ordered(trainer, environment, plan.algorithm)) }
  const escrow = new EscrowContract(plan.payment.escrowAddress, signer, 8996)
  const amount = ethers.formatEther(plan.payment.amount)
  await (await lib.approve(signer, config, await me(), addresses.Ocean, plan.payment.escrowAddress, amount))?.wait?.()
  await (await escrow.deposit(addresses.Ocean, amount)).wait()
  await (await escrow.authorize(addresses.Ocean, plan.payment.payee, ethers.formatEther(BigInt(plan.payment.amount) * 10n), String(plan.payment.minLockSeconds), '10'))?.wait?.()
  const before = await funds(plan)
  const reply = await ProviderInstance.computeStart(node.url, signer, environment.id, [orderedData], orderedAlgorithm, 120, addresses.Ocean, resources, 8996)
  return { environment, plan, before, job: [reply].flat()[0] }
}
async function jobState(id) {
  const [job] = await (await fetch(`${node.url}/api/services/compute?jobId=${encodeURIComponent(id)}`)).json()
  return job
}
async function until(what, done, seconds = 60) {
  for (let i = 0; i < seconds * 5; i++) {
    const value = await done()
    if (value) return value
    await sleep(200)
  }
  assert.fail(`${what} did not happen in ${seconds} s\n${node.child.log().slice(-1500)}\n${members.map((member) => member.child?.log().slice(-800)).join('\n')}`)
}

test('the environment advertises its door, and says what the pay waits for', async () => {
  const [environment] = await lib.ProviderInstance.getComputeEnvironments(node.url)
  const operator = (await peaberry(node.home, 'keys', 'show')).operator
  assert.notEqual(environment.consumerAddress, operator)
  assert.match(environment.evidence, /2 of 3 signers find the same output/)
})

test('two of three members find the same output: the executor is paid for its seconds, less Ocean\'s fee', { timeout: 120_000 }, async () => {
  const { plan, before, job } = await start(dataset)
  const done = await until('the pay', async () => ((await jobState(job.jobId)).status === 70 ? jobState(job.jobId) : null))
  assert.equal(done.evidence, 'quorum 2 of 3')
  assert.match(done.settlementJob, /^0x[0-9a-f]{64}$/)
  const cost = BigInt(done.payment.cost)
  assert.ok(cost > 0n && cost < BigInt(plan.payment.amount), 'seconds, not the whole lock')
  const after = await funds(plan)
  assert.equal(before[0] - after[0], cost, 'what left the deposit is what was claimed')
  assert.equal(after[1], 0n, 'nothing is locked any more')
  assert.equal(BigInt(done.payment.paid), cost - cost / 1000n, "Ocean's 0.1 % is taken at the claim, and shown")
  const shown = await peaberry(node.home, 'job', 'show', done.settlementJob)
  assert.equal(shown.state, 'final')
  assert.equal(shown.claims[0].status, 'accepted')
  assert.ok(done.results.some((result) => result.filename === 'outputs.tar'))
})

test('rows whose owner admits no hosts are never handed to a quorum: the job is refused before any money moves', async () => {
  await assert.rejects(start(hidden), /does not admit|not an array|cannot read|undefined/i)
  const [environment] = await lib.ProviderInstance.getComputeEnvironments(node.url)
  const reply = await fetch(node.url + '/api/services/initializeCompute', {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ datasets: [{ documentId: hidden.did, serviceId: hidden.serviceId }], algorithm: { documentId: trainer.did, serviceId: trainer.serviceId }, environment: environment.id, payment: { chainId: 8996, token: addresses.Ocean, resources: [] }, maxJobDuration: 60, consumerAddress: await me() })
  })
  assert.equal(reply.status, 403)
  assert.match(await reply.text(), /does not admit 0x.* as a host/)
})

test('the bytes of a job are for its signers only', async () => {
  const job = (await (await fetch(`${node.url}/api/services/compute?consumerAddress=${await me()}`)).json()).find((item) => item.settlementJob)
  const ask = (body) => fetch(`${node.url}/api/v1/questions/${job.settlementJob}/bundle`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
  assert.equal((await ask({ address: await me(), nonce: '1', signature: '0x00' })).status, 401)
  const stranger = ethers.Wallet.createRandom()
  const message = ethers.keccak256(ethers.toUtf8Bytes(stranger.address + '1' + 'questionBundle'))
  assert.equal((await ask({ address: stranger.address, nonce: '1', signature: await stranger.signMessage(ethers.getBytes(message)) })).status, 403)
  const forged = await fetch(`${node.url}/api/v1/questions/${job.settlementJob}/votes`, { method: 'POST', body: JSON.stringify({ vote: '0x' + '00'.repeat(73) + '0041' + '11'.repeat(65) }), headers: { 'content-type': 'application/json' } })
  assert.ok([400, 401].includes(forged.status))
  assert.equal((await fetch(`${node.url}/api/v1/questions/0x${'12'.repeat(32)}`)).status, 404)
})

test('a wrong answer goes back at once, and the executor\'s node is dead', { timeout: 120_000 }, async () => {
  // The node dies as by kill -9 once two members have committed their votes; somebody with its key claims another output.
  const result = await start(dataset)
  const { plan } = result
  const settlementJob = (await jobState(result.job.jobId)).settlementJob
  const quorum = new ethers.Contract(addresses.QuorumVerifier, ['event VoteCommitted(bytes32 indexed jobId, address indexed signer, bytes32 commitment)'], signer)
  await until('two votes', async () => (await quorum.queryFilter(quorum.filters.VoteCommitted(settlementJob))).length >= 2, COMMIT_WINDOW)
  node.child.kill('SIGKILL')
  await ended(node.child)
  assert.equal((await funds(plan))[1], BigInt(plan.payment.amount), 'the whole price is locked')
  const wrong = path.join(folder, 'wrong.tar')
  fs.writeFileSync(wrong, 'not what the trainer writes')
  // As soon as votes may be revealed, and before the members reveal theirs.
  const { openedAt } = await peaberry(node.home, ...chain(), 'job', 'show', settlementJob)
  assert.ok(openedAt > 0)
  while (Date.now() / 1000 < openedAt + COMMIT_WINDOW + 1) await sleep(100)
  await peaberry(node.home, ...chain(), 'job', 'claim', settlementJob, '--output', wrong)
  await until('the refund', async () => (await funds(plan))[1] === 0n)
  assert.equal((await funds(plan))[0], result.before[0], 'all of it is back, long before the deadline')
  // The node comes back: its job ends without pay, and nothing is owed.
  await startNode()
  const job = await until('the end of the job', async () => {
    const jobs = await (await fetch(`${node.url}/api/services/compute?consumerAddress=${await me()}`)).json()
    return jobs.find((item) => item.settlementJob === settlementJob && [31, 41, 70].includes(item.status))
  })
  assert.equal(job.payment.cost, '0')
  assert.match(job.reason, /went back/)
})
