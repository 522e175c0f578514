// What must not lose money or jobs: the node dies at every job state, the chain dies hard, requests are replayed, consumers
// lack funds. Real processes, real contracts.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { binary, freePort, peaberry, sleep, startNode } from './support.mjs'

let node, trainer, dataset, client, publisher
const chainArgs = () => ['--chain', node.rpc, '--address-file', node.addressFile, '--node', node.url]

before(async () => {
  node = await startNode('--min-job-seconds', '1', '--cpu-price', '60')
  publisher = await peaberry(node.home, 'keys', 'show')
  await peaberry(node.home, 'chain', 'fund', publisher.operator, '--coins', '10', '--tokens', '0')
  const csv = path.join(node.home, 'table.csv')
  await peaberry(node.home, 'demo-data', csv, '--rows', '3000')
  trainer = await peaberry(node.home, 'algo', 'publish-trainer')
  dataset = await peaberry(node.home, 'publish', csv, '--name', 'Fault table', '--description', 'A table for fault tests', '--free', '--compute', '--trust', trainer.did)
  client = fs.mkdtempSync('/tmp/peaberry-client-')
  const keys = await peaberry(client, 'keys', 'new')
  await peaberry(client, ...chainArgs(), 'chain', 'fund', keys.operator, '--coins', '10', '--tokens', '3000')
})
after(async () => {
  await node?.stop()
  if (client) fs.rmSync(client, { recursive: true, force: true })
})

const jobsOf = async () => (await fetch(`${node.url}/api/services/compute?consumerAddress=${(await peaberry(client, 'keys', 'show')).operator}`)).json()
const final = (job) => [2, 31, 32, 41, 42, 61, 70, 80].includes(job.status)

/** Starts the node of the same home and ports again; with `killAt` it ends itself as kill -9 would when a job enters that state. */
async function again(killAt) {
  const url = new URL(node.url)
  const child = spawn(binary, ['--json', '--home', node.home, 'up', '--port', url.port, '--chain-port', new URL(node.rpc).port, '--min-job-seconds', '1', '--cpu-price', '60'], {
    stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...(killAt === undefined ? {} : { PEABERRY_KILL_AT_STATE: String(killAt) }) }
  })
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve)
    child.stderr.once('data', () => {})
    child.once('exit', (code, signal) => (killAt === undefined ? reject(new Error('the node ended: ' + code + signal)) : resolve()))
  })
  return child
}
const dead = (child) => (child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((resolve) => child.once('exit', resolve)))

test('kill -9 of the node at every job state loses no job and no money, and leaves nothing behind', { timeout: 240_000 }, async () => {
  await node.stopNodeOnly()
  for (const state of [0, 1, 30, 40, 50, 60, 71]) {
    const killed = await again(state)
    const started = peaberry(client, ...chainArgs(), 'compute', 'start', '--data', dataset.did, '--algo', trainer.did, '--custom', '{"label":"heart_disease","model":"logistic"}', '--seconds', '60').catch((error) => error)
    await dead(killed)
    assert.equal(killed.signalCode, 'SIGKILL', `the node must die at state ${state}`)
    await started
    const groups = execFileSync('sh', ['-c', "pgrep -f '/data/transformations/[a]lgorithm' | wc -l"]).toString().trim()
    assert.equal(groups, '0', `state ${state}: a sandboxed process outlived the node`)
    const child = await again()
    let job
    for (let i = 0; i < 200; i++) {
      ;[job] = await jobsOf()
      if (job && final(job)) break
      await sleep(100)
    }
    assert.equal(job?.status, 70, `state ${state}: ${JSON.stringify(job)}`)
    const escrow = await peaberry(client, ...chainArgs(), 'escrow', 'show')
    assert.equal(escrow.locked, '0', `state ${state}: money is still locked`)
    // Each job pays exactly once: what it cost is what left the escrow.
    assert.equal(BigInt(job.payment.cost) > 0n && BigInt(job.payment.cost) <= 60n * 10n ** 18n, true, `state ${state}: cost ${job.payment.cost}`)
    assert.ok(job.payment.claimTx)
    child.kill('SIGTERM')
    await dead(child)
  }
  const mounts = fs.readFileSync('/proc/mounts', 'utf8')
  assert.ok(!mounts.includes(node.home), 'a mount was left behind')
  const claims = new Set((await (async () => { node.child = await again(); return jobsOf() })()).map((job) => job.payment.claimTx))
  assert.equal(claims.size, 7, 'seven jobs, seven claims')
})

test('a consumer without funds or authorisation gets a clear refusal and no job', async () => {
  const poor = fs.mkdtempSync('/tmp/peaberry-poor-')
  const keys = await peaberry(poor, 'keys', 'new')
  await assert.rejects(peaberry(poor, ...chainArgs(), 'compute', 'start', '--data', dataset.did, '--algo', trainer.did), /insufficient|funds|gas/i)
  await peaberry(poor, ...chainArgs(), 'chain', 'fund', keys.operator, '--coins', '1', '--tokens', '0')
  await assert.rejects(peaberry(poor, ...chainArgs(), 'compute', 'start', '--data', dataset.did, '--algo', trainer.did), /exceeds balance|funds|reverted/i)
  const jobs = await (await fetch(`${node.url}/api/services/compute?consumerAddress=${keys.operator}`)).json()
  assert.deepEqual(jobs, [])
  fs.rmSync(poor, { recursive: true, force: true })
})

test('requests that are replayed, forged or malformed are refused by name', async () => {
  const post = async (route, body) => {
    const reply = await fetch(node.url + route, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'content-type': 'application/json' } })
    return [reply.status, await reply.text()]
  }
  assert.equal((await post('/api/services/encrypt?consumerAddress=0x1&nonce=1&signature=0x00', 'x'))[0], 401)
  assert.equal((await post('/api/services/encrypt', 'x'))[0], 401)
  assert.equal((await post('/api/services/compute', '{'))[0], 400)
  assert.match((await post('/api/aquarius/assets/ddo/validate', { ddo: { version: '4.7.0', metadata: { name: 7 } } }))[1], /metadata\.name must be text/)
  assert.match((await post('/api/aquarius/assets/ddo/validate', { ddo: { version: '4.7.0', metadata: { description: 'x'.repeat(8000) } } }))[1], /metadata\.description has 8000 characters/)
  assert.match((await post('/api/aquarius/assets/ddo/validate', { ddo: { version: '9' } }))[1], /version/)
  assert.equal((await fetch(node.url + '/api/aquarius/assets/ddo/nonsense')).status, 400)
  assert.equal((await fetch(node.url + '/api/aquarius/assets/ddo/did:op:' + '0'.repeat(64))).status, 404)
  assert.equal((await post('/directCommand', { command: 'foo' }))[0], 400)
  assert.equal((await post('/api/aquarius/assets/metadata/query', { query: { script: {} } }))[0], 501)
})

test('file objects cannot make the node call private addresses', async () => {
  for (const url of ['http://127.0.0.1:1/x', 'http://localhost/x', 'http://169.254.169.254/latest', 'http://[::1]/x', 'http://10.0.0.1/x']) {
    const reply = await fetch(node.url + '/api/services/fileInfo', { method: 'POST', body: JSON.stringify({ type: 'url', url, method: 'GET' }), headers: { 'content-type': 'application/json' } })
    const text = await reply.text()
    assert.ok(reply.status === 403 || text.includes('"valid":false'), `${url}: ${reply.status} ${text}`)
  }
})

test('an algorithm of another checksum, a raw one and an unknown environment are refused', async () => {
  const script = path.join(client, 'x.sh')
  fs.writeFileSync(script, 'cat /data/inputs/*')
  await assert.rejects(peaberry(client, ...chainArgs(), 'compute', 'start', '--data', dataset.did, '--raw', script), /raw/)
  const other = await peaberry(node.home, 'algo', 'publish', script, '--name', 'Other algorithm', '--description', 'Not trusted by anybody', '--free')
  await assert.rejects(peaberry(client, ...chainArgs(), 'compute', 'start', '--data', dataset.did, '--algo', other.did), /not trusted/)
  await assert.rejects(peaberry(client, ...chainArgs(), 'compute', 'start', '--data', dataset.did, '--algo', trainer.did, '--env', '0x00-0x00'), /environment/)
})

test('an updated listing has its new words and keeps its orders; bad words are refused before anything is paid', async () => {
  const file = path.join(node.home, 'update.txt')
  fs.writeFileSync(file, 'text to update')
  const listed = await peaberry(node.home, 'publish', file, '--name', 'Before', '--description', 'Words of yesterday', '--free')
  await peaberry(client, ...chainArgs(), 'buy', listed.did)
  await assert.rejects(peaberry(node.home, 'update', listed.did, '--description', 'short'), /metadata\.description has 5 characters/)
  await peaberry(node.home, 'update', listed.did, '--name', 'After the update', '--tags', 'fresh')
  const ddo = await peaberry(client, '--node', node.url, 'show', listed.did)
  assert.equal(ddo.metadata.name, 'After the update')
  assert.deepEqual(ddo.metadata.tags, ['fresh'])
  assert.equal(ddo.indexedMetadata.stats[0].orders, 1)
  assert.equal((await peaberry(client, '--node', node.url, 'search', 'after update')).total, 1)
})

test('a listing gets another file and another price; buyers get and pay the new ones', async () => {
  const file = path.join(node.home, 'edition.txt')
  fs.writeFileSync(file, 'first edition')
  const listed = await peaberry(node.home, 'publish', file, '--name', 'Editions', '--description', 'A text with editions', '--price', '2')
  fs.writeFileSync(file, 'second edition')
  await peaberry(node.home, 'update', listed.did, '--file', file, '--price', '3.5')
  await assert.rejects(peaberry(client, ...chainArgs(), 'buy', listed.did, '--price-max', '3'), /3/)
  const order = await peaberry(client, ...chainArgs(), 'buy', listed.did)
  await peaberry(client, ...chainArgs(), 'download', listed.did, '--order', order.order, '--output', path.join(client, 'edition.txt'))
  assert.equal(fs.readFileSync(path.join(client, 'edition.txt'), 'utf8'), 'second edition')
  for (let i = 0, price; i < 50 && price !== '3.5'; i++, await sleep(100)) price = (await peaberry(client, '--node', node.url, 'search', 'editions')).assets[0].price
  assert.equal((await peaberry(client, '--node', node.url, 'search', 'editions')).assets[0].price, '3.5')
  await assert.rejects(peaberry(node.home, 'update', listed.did, '--price', 'cheap'), /price/)
  const free = await peaberry(node.home, 'publish', file, '--name', 'Given away', '--description', 'Costs nothing at all', '--free')
  await assert.rejects(peaberry(node.home, 'update', free.did, '--price', '1'), /not sold for a price/)
})

test('results are deleted after their storage time; the job itself is still told of', async () => {
  const own = JSON.parse(fs.readFileSync(path.join(node.home, 'config.json'), { encoding: 'utf8', flag: 'a+' }) || '{}')
  await node.stopNodeOnly()
  fs.writeFileSync(path.join(node.home, 'config.json'), JSON.stringify({ ...own, environment: { storageExpirySeconds: 1 } }))
  node.child = await again()
  const jobs = await jobsOf()
  for (let i = 0; i < 50 && (await jobsOf()).some((job) => job.results.length > 0); i++) await sleep(100)
  const after = await jobsOf()
  assert.equal(after.length, jobs.length)
  for (const job of after) {
    assert.deepEqual(job.results, [])
    assert.match(job.reason, /deleted after their storage time/)
    assert.ok(!fs.existsSync(path.join(node.home, 'jobs', job.jobId)))
  }
  fs.rmSync(path.join(node.home, 'config.json'))
  await node.stopNodeOnly()
  node.child = await again()
})

test('a retired listing cannot be ordered; a denied account cannot use one', async () => {
  const file = path.join(node.home, 'small.txt')
  fs.writeFileSync(file, 'text')
  const mine = (await peaberry(client, 'keys', 'show')).operator
  const denied = await peaberry(node.home, 'publish', file, '--name', 'Denied', '--description', 'Not for everybody', '--free', '--deny', mine)
  await assert.rejects(peaberry(client, ...chainArgs(), 'buy', denied.did), /denied/)
  const retired = await peaberry(node.home, 'publish', file, '--name', 'Retired', '--description', 'No longer sold', '--free')
  await peaberry(node.home, 'state', retired.did, 'revoked')
  for (let i = 0; i < 50; i++) {
    const ddo = await (await fetch(`${node.url}/api/aquarius/assets/ddo/${retired.did}`)).json()
    if (ddo.version === 'deprecated') break
    await sleep(100)
  }
  await assert.rejects(peaberry(client, ...chainArgs(), 'buy', retired.did), /no service|can not be ordered|not an array/)
})

test('the chain dies hard: the node rolls back to what is left and goes on', { timeout: 60_000 }, async () => {
  const pid = JSON.parse(fs.readFileSync(path.join(node.home, 'ledger/anvil.json'))).pid
  const health = async () => (await fetch(node.url + '/api/v1/health')).json()
  await sleep(3_000) // one state interval: what is older is on disk
  const assets = (await health()).assets
  process.kill(pid, 'SIGKILL')
  await sleep(300)
  node.child.kill('SIGTERM')
  await dead(node.child)
  node.child = await again()
  await sleep(1_000)
  const after = await health()
  assert.ok(after.indexed <= after.head)
  assert.equal(after.assets, assets)
  const status = await peaberry(node.home, 'doctor')
  assert.ok(status.checks.find((check) => check.name === 'node').ok)
})
