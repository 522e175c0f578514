// The farm: a table in batches signed by devices, measured in its owner's sandbox, listed, claimed under a bond, found by what is claimed,
// cleaned into a second epoch; jobs refuse other bytes than the listed ones; a contradiction costs the bond.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { ethers } from 'ethers'
import { peaberry, startNode } from './support.mjs'

let node, did, quality, table
const owner = (...args) => peaberry(node.home, '--node', node.url, ...args)
const file = (name) => path.join(node.home, name)

before(async () => {
  node = await startNode('--min-job-seconds', '1')
  table = file('patients.csv')
  const keys = await peaberry(node.home, 'keys', 'show')
  await owner('chain', 'fund', keys.operator, '--coins', '10', '--tokens', '100')
  await peaberry(node.home, 'demo-data', table, '--rows', '2000')
})
after(() => node?.stop())

test('two devices sign the rows in batches, and the owner lists the table', { timeout: 60_000 }, async () => {
  await peaberry(node.home, 'keys', 'new', 'device1', 'device2')
  for (const [key, rows] of [['device1', 700], ['device2', 700], ['device1', 0]]) await owner('--key', key, 'table', 'sign', table, '--batches', file('batches.json'), '--rows', rows)
  await assert.rejects(owner('--key', 'device2', 'table', 'sign', table, '--batches', file('batches.json')), /signed already/)
  ;({ did: quality } = await owner('algo', 'publish-quality'))
  ;({ did } = await owner('publish', table, '--name', 'Heart disease table', '--description', 'Rows of patients with a heart disease label', '--price', '5', '--compute', '--trust', quality))
  const listed = await owner('table', 'register', did, '--file', table)
  assert.equal(listed.epoch, 1)
  assert.equal(listed.root, (await owner('table', 'commit', table)).root)
  assert.deepEqual((await owner('table', 'register', did, '--file', table)).steps, [], 'the same rows are not listed twice')
})

test('the metrics job runs in the owner’s sandbox; its receipt carries the table’s root; the claim stands under a bond', { timeout: 60_000 }, async () => {
  const { batches } = JSON.parse(fs.readFileSync(file('batches.json')))
  fs.writeFileSync(file('options.json'), JSON.stringify({ label: 'heart_disease', key: 'patient', ranges: [{ column: 'age', low: 18, high: 98 }], devices: [batches[0].device, batches[1].device] }))
  const run = await owner('quality', 'measure', did, '--algo', quality, '--options', file('options.json'), '--batches', file('batches.json'), '-o', file('measured'))
  assert.equal(run.job.status, 70, run.job.reason)
  const { receipt } = JSON.parse(fs.readFileSync(file('measured/receipt.json')))
  assert.equal(receipt.manifest.inputs[0].table.root, (await owner('table', 'commit', table)).root)
  const claim = await owner('quality', 'claim', file('measured'), '--bond', '10')
  const shown = await owner('quality', 'show', did)
  assert.equal(shown.claimId, claim.claimId)
  assert.equal(shown.status, 'claimed')
  assert.equal(shown.bond, (10n ** 19n).toString())
  assert.equal(shown.metrics.rows, 2000)
  assert.equal(shown.metrics.signed.rows, 2000)
  assert.deepEqual(shown.metrics.signed.devices.map((d) => d.rows), [1300, 700])
})

test('explain says it in plain words', { timeout: 30_000 }, async () => {
  assert.match((await owner('explain', did)).text, /“Heart disease table” is a data set of 0x.*Its use is sold, not the file.*costs 5\.0 tokens a use/)
  const { claimId } = await owner('quality', 'show', did)
  assert.match((await owner('explain', claimId)).text, /A quality claim: .* claimed, not proven\. It is standing\./)
  const { tx } = await owner('pay', '0x000000000000000000000000000000000000dEaD', '--amount', '0.5')
  assert.match((await owner('explain', tx)).text, /it succeeded and used \d+ gas.*0\.5 OCEAN went from 0x.* to 0x000000000000000000000000000000000000dEaD/)
})

test('search finds it by what is claimed, and not by what is not', { timeout: 30_000 }, async () => {
  const found = async (...filter) => (await owner('search', 'heart', ...filter)).assets.length
  const deadline = Date.now() + 10_000
  while ((await found('--quality', 'claimed')) === 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal(await found('--rows-min', '2000', '--complete-min', '0.9', '--signed-min', '1'), 1)
  assert.equal(await found('--rows-min', '2001'), 0)
  assert.equal(await found('--complete-min', '0.9999'), 0)
  await assert.rejects(found('--signed-min', '1.5'), /signedMin/)
  assert.equal(await found('--quality', 'proven'), 0, 'nothing of it is')
  await assert.rejects(found('--quality', 'guessed'), /"guessed" is unknown/)
})

test('a changed result is not claimed; another home cannot claim it', { timeout: 30_000 }, async () => {
  fs.cpSync(file('measured'), file('forged'), { recursive: true })
  const metrics = JSON.parse(fs.readFileSync(file('forged/metrics.json')))
  metrics.rows = 1_000_000
  fs.writeFileSync(file('forged/metrics.json'), JSON.stringify(metrics))
  await assert.rejects(owner('quality', 'claim', file('forged')), /not what the receipt's job gave/)
  const other = file('other')
  await peaberry(other, 'keys', 'new')
  await assert.rejects(peaberry(other, '--chain', node.rpc, '--address-file', node.addressFile, 'quality', 'claim', file('measured')), /not run by this home/)
})

test('a job over the listed table refuses to start with other bytes', { timeout: 60_000 }, async () => {
  const rows = fs.readFileSync(table, 'utf8').split('\n')
  rows[7] = rows[7].replace(/,[01]$/, ',1').replace(/^\d+/, '1')
  fs.writeFileSync(file('fake.csv'), rows.join('\n'))
  await owner('update', did, '--file', file('fake.csv'))
  const run = await owner('quality', 'measure', did, '--algo', quality, '-o', file('refused'))
  assert.equal(run.job.status, 31)
  assert.match(run.job.reason, /give table root 0x[0-9a-f]{64}, epoch 1 is listed with/)
  await owner('update', did, '--file', table)
})

test('a declared recipe makes epoch 2 with its lineage', { timeout: 60_000 }, async () => {
  fs.writeFileSync(file('recipe.json'), JSON.stringify({ steps: [{ op: 'dedupe' }, { op: 'impute', column: 'bmi', with: 'median' }, { op: 'clip', column: 'systolic_bp', low: 90, high: 200 }] }))
  const cleaned = await owner('table', 'clean', table, '--recipe', file('recipe.json'), '-o', file('clean.csv'))
  assert.ok(cleaned.rows < 2000 && cleaned.done[0].changed > 0)
  assert.equal(cleaned.lineage.from, (await owner('table', 'commit', table)).root)
  fs.writeFileSync(file('lineage.json'), JSON.stringify(cleaned.lineage))
  await owner('update', did, '--file', file('clean.csv'), '--lineage', file('lineage.json'))
  const listed = await owner('table', 'register', did, '--file', file('clean.csv'))
  assert.equal(listed.epoch, 2)
  assert.equal(listed.root, cleaned.lineage.to)
  const shown = await owner('show', did)
  assert.equal(shown.metadata.additionalInformation.peaberry.lineage.recipeHash, cleaned.lineage.recipeHash)
  const run = await owner('quality', 'measure', did, '--algo', quality, '-o', file('measured2'))
  assert.equal(run.job.status, 70, run.job.reason)
  assert.equal(JSON.parse(fs.readFileSync(file('measured2/receipt.json'))).receipt.manifest.inputs[0].table.epoch, 2)
})

test('two receipts that contradict each other cost the bond: half to who shows them, half burned', { timeout: 60_000 }, async () => {
  // The owner names a host's attest key beside its own; the host finds something else in the same job.
  const host = ethers.Wallet.createRandom()
  await owner('quality', 'measure', did, '--algo', quality, '--options', file('options.json'), '-o', file('honest'))
  const claim = await owner('quality', 'claim', file('honest'), '--bond', '8', '--attest-key', host.address)
  const honest = await owner('quality', 'receipt', file('honest'))
  const [{ QualityRegistry }] = Object.values(JSON.parse(fs.readFileSync(node.addressFile)))
  const domain = { name: 'Peaberry Quality', version: '1', chainId: 8996, verifyingContract: QualityRegistry }
  const types = { MetricsReceipt: [{ name: 'jobId', type: 'bytes32' }, { name: 'outputHash', type: 'bytes32' }] }
  const outputHash = '0x' + '11'.repeat(32)
  const better = { outputHash, signature: await host.signTypedData(domain, types, { jobId: honest.jobId, outputHash }) }
  const watcher = file('watcher')
  const { operator } = await peaberry(watcher, 'keys', 'new')
  await owner('chain', 'fund', operator, '--coins', '1', '--tokens', '0')
  const watch = (...args) => peaberry(watcher, '--chain', node.rpc, '--address-file', node.addressFile, '--node', node.url, ...args)
  await assert.rejects(watch('quality', 'refute', claim.claimId, '--receipt', JSON.stringify(honest), '--receipt', JSON.stringify(honest)), /NoContradiction/)
  await assert.rejects(watch('quality', 'refute', claim.claimId, '--receipt', JSON.stringify(honest), '--receipt', JSON.stringify({ ...honest, outputHash: better.outputHash })), /WrongReceipt/)
  await watch('quality', 'refute', claim.claimId, '--receipt', JSON.stringify(honest), '--receipt', JSON.stringify(better))
  assert.equal((await watch('quality', 'show', did)).status, 'refuted')
  const [{ Ocean }] = Object.values(JSON.parse(fs.readFileSync(node.addressFile)))
  const provider = new ethers.JsonRpcProvider(node.rpc, undefined, { staticNetwork: true })
  const balance = (who) => new ethers.Contract(Ocean, ['function balanceOf(address) view returns (uint256)'], provider).balanceOf(who)
  assert.equal(await balance(operator), 4n * 10n ** 18n)
  assert.equal(await balance('0x000000000000000000000000000000000000dEaD'), 4n * 10n ** 18n + 5n * 10n ** 17n, 'half of the bond, and what the owner sent there before')
  provider.destroy()
  const deadline = Date.now() + 10_000
  while ((await owner('search', 'heart', '--quality', 'claimed')).assets.length !== 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal((await owner('search', 'heart', '--quality', 'claimed')).assets.length, 0, 'what is refuted is not found as claimed')
})
