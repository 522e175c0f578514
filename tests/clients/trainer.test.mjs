// The trainer: npm's onnxruntime-node opens its model and agrees to 1e-5; the same seed gives the same bytes; bad tables get
// a clear error.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { peaberry, root } from './support.mjs'

const trainer = path.join(root, 'build/algorithms/tabular-trainer')
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'peaberry-trainer-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const train = (csv, out, ...args) => {
  fs.mkdirSync(path.join(folder, out), { recursive: true })
  return spawnSync(trainer, [csv, path.join(folder, out), ...args], { encoding: 'utf8' })
}
const hash = (file) => crypto.createHash('sha256').update(fs.readFileSync(path.join(folder, file))).digest('hex')

async function agrees(out) {
  const ort = await import('onnxruntime-node')
  const metrics = JSON.parse(fs.readFileSync(path.join(folder, out, 'metrics.json')))
  const session = await ort.default.InferenceSession.create(path.join(folder, out, 'model.onnx'))
  let worst = 0
  for (const { input, output } of metrics.selfTest) {
    const x = new ort.default.Tensor('float32', Float32Array.from(input, (value) => (value === null ? NaN : value)), [1, input.length])
    const { probabilities } = await session.run({ X: x })
    output.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - probabilities.data[i]))))
  }
  assert.ok(worst < 1e-5, `onnxruntime differs by ${worst}`)
  return metrics
}

test('a clinical table: onnxruntime agrees, figures are plausible, the bytes repeat', async () => {
  const csv = path.join(folder, 'clinical.csv')
  await peaberry(folder, 'demo-data', csv, '--rows', '8000')
  assert.equal(train(csv, 'a', 'heart_disease', '3').status, 0)
  assert.equal(train(csv, 'b', 'heart_disease', '3').status, 0)
  assert.equal(hash('a/model.onnx'), hash('b/model.onnx'))
  assert.equal(hash('a/metrics.json'), hash('b/metrics.json'))
  const metrics = await agrees('a')
  assert.ok(metrics.auc.value > 0.7 && metrics.auc.low95 < metrics.auc.value && metrics.auc.value < metrics.auc.high95)
  assert.ok(metrics.rows.duplicates > 20)
  for (const plot of ['roc.svg', 'learning_curve.svg']) assert.ok(fs.readFileSync(path.join(folder, 'a', plot), 'utf8').startsWith('<svg'))
})

test('a network beats a line where the truth is not linear, and three classes work', async () => {
  let csv = 'x,y,kind\n'
  let state = 1
  const random = () => ((state = (state * 48271) % 2147483647) / 2147483647)
  for (let i = 0; i < 3000; i++) {
    const [x, y] = [random() * 4 - 2, random() * 4 - 2]
    const radius = Math.hypot(x, y)
    csv += `${x.toFixed(3)},${y.toFixed(3)},${radius < 0.9 ? 'core' : radius < 1.6 ? 'ring' : 'out'}\n`
  }
  fs.writeFileSync(path.join(folder, 'rings.csv'), csv)
  assert.equal(train(path.join(folder, 'rings.csv'), 'rings').status, 0)
  const metrics = await agrees('rings')
  assert.equal(metrics.model, 'mlp')
  assert.deepEqual([...metrics.classes].sort(), ['core', 'out', 'ring'])
  assert.ok(metrics.accuracy.value > 0.85, String(metrics.accuracy.value))
})

test('rare texts and identifiers stay out of the model', async () => {
  let csv = 'id,city,z,label\n'
  for (let i = 0; i < 500; i++) csv += `person-${i},${i === 250 ? 'Secretville' : i % 2 ? 'Paris' : 'Rome'},${i % 7},${(i * 7919) % 3 === 0 ? 'a' : 'b'}\n`
  fs.writeFileSync(path.join(folder, 'ids.csv'), csv)
  assert.equal(train(path.join(folder, 'ids.csv'), 'ids').status, 0)
  const bytes = fs.readFileSync(path.join(folder, 'ids/model.onnx'), 'latin1') + fs.readFileSync(path.join(folder, 'ids/metrics.json'), 'latin1')
  assert.ok(bytes.includes('Paris') && !bytes.includes('Secretville') && !bytes.includes('person-1'))
  await agrees('ids')
})

test('bad tables get an error that names what is wrong', () => {
  const cases = { 'a,b\n1,2\n1\n': /line 3 has 1 fields/, '': /empty/, 'a,b\n1,x\n2,x\n': /fewer than two classes/, 'a,b\n1,x\n2,y\n': /usable rows/ }
  for (const [text, says] of Object.entries(cases)) {
    fs.writeFileSync(path.join(folder, 'bad.csv'), text)
    const result = train(path.join(folder, 'bad.csv'), 'bad')
    assert.equal(result.status, 1)
    assert.match(result.stderr, says)
  }
  fs.writeFileSync(path.join(folder, 'bad.csv'), 'a,b\n1,x\n2,y\n')
  assert.match(train(path.join(folder, 'bad.csv'), 'bad', 'nolabel').stderr, /no column "nolabel".*a, b/s)
})
