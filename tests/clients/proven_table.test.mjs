// A table that is proven: a ceremony's file made by npm's snarkjs is imported, a verifier deployed for it, the table admitted and grown by proofs, and what is counted of
// it proven by a transaction that nobody needs to believe.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { ethers } from 'ethers'
import * as snarkjs from 'snarkjs'
import { peaberry, startNode } from './support.mjs'

let node, did, table, rows, provider, contracts, provenStep
const owner = (...args) => peaberry(node.home, '--node', node.url, ...args)
const file = (name) => path.join(node.home, name)
const csv = (count) => [rows[0], ...rows.slice(1, count + 1)].join('\n') + '\n'
const truth = (count) => {
  const cells = rows.slice(1, count + 1).map((row) => row.split(','))
  const columns = rows[0].split(',').map((name, c) => ({ name, present: cells.filter((row) => row[c] !== '').length }))
  const sick = cells.filter((row) => row.at(-1) === '1').length
  return { rows: count, columns, label: { column: 'heart_disease', histogram: { 0: count - sick, 1: sick }, minority: Math.min(sick, count - sick) } }
}

before(async () => {
  node = await startNode('--min-job-seconds', '1')
  const keys = await peaberry(node.home, 'keys', 'show')
  await owner('chain', 'fund', keys.operator, '--coins', '10', '--tokens', '100')
  await peaberry(node.home, 'demo-data', file('all.csv'), '--rows', '1000')
  rows = fs.readFileSync(file('all.csv'), 'utf8').trim().split('\n')
  table = file('patients.csv')
  fs.writeFileSync(table, csv(600))
  ;({ did } = await owner('publish', table, '--name', 'Heart disease table', '--description', 'Rows of patients with a heart disease label', '--price', '5', '--compute'))
  provider = new ethers.JsonRpcProvider(node.rpc, undefined, { staticNetwork: true })
  ;[contracts] = Object.values(JSON.parse(fs.readFileSync(node.addressFile)))
})
after(async () => {
  provider?.destroy()
  await globalThis.curve_bn128?.terminate()
  await node?.stop()
})

const succeeded = async ({ tx }) => assert.equal((await provider.getTransactionReceipt(tx)).status, 1)

test('without powers, without a proof, the next step is named', { timeout: 30_000 }, async () => {
  await assert.rejects(owner('table', 'admit', did, '--file', table), /there are no powers at/)
  await peaberry(node.home, 'srs', 'dev', '--log', '10')
  await assert.rejects(owner('quality', 'prove', did, '--file', table), /was not admitted by a proof/)
  const { schema, log, vectors } = await peaberry(node.home, 'table', 'schema', table, '--label', 'heart_disease')
  assert.equal(log, 10)
  assert.equal(schema.columns.at(-1).kind, 'category')
  assert.deepEqual(schema.columns.at(-1).values, ['0', '1'])
  assert.equal(schema.columns[0].kind, 'text', 'names are hashed')
  assert.equal(vectors, schema.columns.length + schema.columns.filter((c) => c.nullable).length)
  await assert.rejects(peaberry(node.home, 'table', 'schema', table, '--label', 'none'), /no column "none"/)
})

test('a .ptau of snarkjs is imported; a proof under it verifies on chain by a transaction', { timeout: 180_000 }, async () => {
  const curve = await snarkjs.curves.getCurveFromName('bn128')
  await snarkjs.powersOfTau.newAccumulator(curve, 10, file('pot_0.ptau'))
  await snarkjs.powersOfTau.contribute(file('pot_0.ptau'), file('pot_1.ptau'), 'a contributor', 'entropy of one that is honest')
  await curve.terminate()
  const imported = await peaberry(node.home, 'srs', 'import', file('pot_1.ptau'), '--out', file('pot.srs'))
  const deployed = await owner('srs', 'deploy', file('pot.srs'))
  assert.equal(deployed.srsId, imported.srsId)
  const under = ['--srs', file('pot.srs'), '--verifier', deployed.verifier]
  await assert.rejects(owner('table', 'admit', did, '--file', table, '--srs', file('pot.srs')), /the verifier believes the ceremony 0x/)
  const admitted = await owner('table', 'admit', did, '--file', table, '--label', 'heart_disease', ...under)
  assert.equal(admitted.epoch, 1)
  assert.equal(admitted.srsId, imported.srsId)
  const proven = await owner('quality', 'prove', did, '--file', table, ...under)
  for (const step of [...deployed.steps, ...admitted.steps, ...proven.steps]) await succeeded(step)
  assert.deepEqual(proven.metrics, truth(600))
  await assert.rejects(owner('quality', 'show', did), /nobody claims anything/, 'the node was not told to believe that ceremony')
})

test('under the chain’s own verifier the table begins anew, grows, and is found by what is proven', { timeout: 120_000 }, async () => {
  await assert.rejects(owner('table', 'admit', did, '--file', table), /the table was committed under srsId/)
  await assert.rejects(owner('table', 'admit', did, '--file', table, '--anew', '--label', 'heart_disease'), /can only grow/)
  const admitted = await owner('table', 'admit', did, '--file', table, '--anew', '--label', 'heart_disease', '--nullable')
  assert.equal(admitted.epoch, 2)
  await assert.rejects(owner('table', 'admit', did, '--file', table), /add none/)
  const changed = csv(1000).split('\n')
  changed[7] = changed[7].replace(/,[01]$/, (end) => (end === ',1' ? ',0' : ',1'))
  fs.writeFileSync(file('changed.csv'), changed.join('\n'))
  await assert.rejects(owner('table', 'admit', did, '--file', file('changed.csv')), /the first 600 rows are not the ones that were committed/)
  fs.writeFileSync(table, csv(1000))
  const grown = await owner('table', 'admit', did, '--file', table)
  assert.deepEqual([grown.epoch, grown.rowsBefore, grown.rows], [3, 600, 1000])
  await assert.rejects(owner('quality', 'prove', did, '--file', file('changed.csv')), /are not the ones that were committed/)
  const proven = await owner('quality', 'prove', did, '--file', table)
  assert.deepEqual(proven.metrics, truth(1000))
  provenStep = proven.steps.at(-1)
  const shown = await owner('quality', 'show', did)
  assert.deepEqual(shown.proven.metrics, truth(1000))
  assert.equal(shown.proven.verifier, contracts.ZkVerifier)
  const found = async (...filter) => (await owner('search', 'heart', ...filter)).assets.length
  const deadline = Date.now() + 10_000
  while ((await found('--quality', 'proven')) === 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal(await found('--quality', 'proven', '--rows-min', '1000', '--complete-min', '0.9'), 1)
  assert.equal(await found('--quality', 'proven', '--rows-min', '1001'), 0)
  assert.equal(await found('--quality', 'proven', '--complete-min', '0.9999'), 0)
  assert.equal(await found('--quality', 'claimed'), 0, 'nobody’s bond stands behind it')
})

test('the proof is nobody else’s: another prover, another count, another table are refused by the chain', { timeout: 60_000 }, async () => {
  const { data, to, blockNumber } = await provider.getTransaction(provenStep.tx)
  const thief = ethers.Wallet.createRandom()
  const refused = (input, from, blockTag = blockNumber - 1) => provider.call({ to, data: input, from, blockTag }).then(() => 'accepted', (error) => error.data ?? error.info?.error?.data ?? String(error))
  const { operator } = await peaberry(node.home, 'keys', 'show')
  const zk = new ethers.Interface(['error ProofRefused()', 'error WrongRows(uint256)', 'error NotTheOwner(address)'])
  assert.equal(await refused(data, operator), 'accepted', 'before it was mined')
  assert.match(await refused(data, thief.address), new RegExp('^' + zk.getError('NotTheOwner').selector))
  const quality = new ethers.Interface(['function prove(address nft, (address verifier, bytes32 planHash, bytes label, uint256[] inputs, bytes proof) measured) returns (bytes32)'])
  const [nft, measured] = quality.decodeFunctionData('prove', data).toArray(true)
  const again = (change) => {
    const copy = { verifier: measured[0], planHash: measured[1], label: measured[2], inputs: [...measured[3]], proof: measured[4] }
    change(copy)
    return quality.encodeFunctionData('prove', [nft, copy])
  }
  assert.equal(await refused(again((m) => (m.inputs[1] += 1n)), operator), zk.getError('ProofRefused').selector)
  const wrongRows = new RegExp('^' + zk.getError('WrongRows').selector)
  assert.match(await refused(again((m) => (m.inputs[0] += 1n)), operator), wrongRows)
  assert.match(await refused(again((m) => (m.inputs[0] += 1n)), operator, 'latest'), wrongRows, 'nor once the claim is accepted')
  assert.equal(await refused(again((m) => (m.proof = m.proof.slice(0, -2) + (m.proof.endsWith('0') ? '01' : '00'))), operator), zk.getError('ProofRefused').selector)
})

test('a job over the admitted table refuses other bytes', { timeout: 60_000 }, async () => {
  const { did: quality } = await owner('algo', 'publish-quality')
  const { did: open } = await owner('publish', table, '--name', 'Open table', '--description', 'The same rows for one algorithm, to be measured', '--free', '--compute', '--trust', quality)
  const admitted = await owner('table', 'admit', open, '--file', table, '--label', 'heart_disease')
  const good = await owner('quality', 'measure', open, '--algo', quality, '-o', file('measured'))
  assert.equal(good.job.status, 70, good.job.reason)
  const { receipt } = JSON.parse(fs.readFileSync(file('measured/receipt.json')))
  assert.equal(receipt.manifest.inputs[0].table.epoch, 1)
  assert.equal(receipt.manifest.inputs[0].table.contentRoot, admitted.contentRoot)
  await owner('update', open, '--file', file('changed.csv'))
  const bad = await owner('quality', 'measure', open, '--algo', quality, '-o', file('refused'))
  assert.equal(bad.job.status, 31)
  assert.match(bad.job.reason, /give table root 0x[0-9a-f]{64}, epoch 1 is listed with/)
})
