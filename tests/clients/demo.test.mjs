// The demo on a user's own table: the same story, checked again from the chain; and what a wrong table says.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { binary } from './support.mjs'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'peaberry-demo-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const rows = Array.from({ length: 2000 }, (_, i) => [i % 97, (i * 37) % 101, ['rye', 'oat', 'spelt'][i % 3], (i % 97) + ((i * 37) % 101) + ((i * 13) % 41) > 115 ? 'sold' : 'kept'].join(','))
const csv = path.join(folder, 'harvest.csv')
fs.writeFileSync(csv, 'sun,rain,grain,result\n' + rows.join('\n') + '\n')

test("make demo DATA=… LABEL=… plays the story with the user's table and the chain agrees", { timeout: 120_000 }, () => {
  const out = path.join(folder, 'story')
  execFileSync(binary, ['demo', '--folder', out, '--data', csv, '--label', 'result'], { encoding: 'utf8' })
  const story = JSON.parse(fs.readFileSync(path.join(out, 'story.json')))
  assert.equal(story.canaries_found, 0)
  assert.ok(story.bytes_out > 0)
  assert.match(story.model_sha256, /^(0x)?[0-9a-f]{64}$/)
  for (const step of story.steps) assert.ok(step.name, 'each step has its name')
  for (const party of story.parties) for (const key of ['name', 'before', 'after', 'gas', 'cpu_s', 'revenue', 'net']) assert.ok(key in party, `party without ${key}`)
  assert.match(execFileSync(binary, ['check-story', out], { encoding: 'utf8' }), /agrees/)
  const html = fs.readFileSync(path.join(out, 'story.html'), 'utf8')
  assert.ok(!/(src|href)="http/.test(html), 'the page is self-contained')
})

test('a changed story is found out by the chain', () => {
  const out = path.join(folder, 'story')
  const file = path.join(out, 'story.json')
  const text = fs.readFileSync(file, 'utf8')
  const story = JSON.parse(text)
  story.parties[0].after = typeof story.parties[0].after === 'string' ? story.parties[0].after + '1' : { ...story.parties[0].after, OCEAN: '1' }
  fs.writeFileSync(file, JSON.stringify(story))
  const check = spawnSync(binary, ['check-story', out], { encoding: 'utf8' })
  assert.notEqual(check.status, 0, check.stdout)
  fs.writeFileSync(file, text)
})

test('a table without the label, or without rows, stops the demo with a sentence', () => {
  const nolabel = spawnSync(binary, ['demo', '--folder', path.join(folder, 'a'), '--data', csv, '--label', 'nothing'], { encoding: 'utf8' })
  assert.notEqual(nolabel.status, 0)
  assert.match(nolabel.stderr + nolabel.stdout, /no column "nothing"|label/)
  const missing = spawnSync(binary, ['demo', '--folder', path.join(folder, 'b'), '--data', path.join(folder, 'absent.csv'), '--label', 'x'], { encoding: 'utf8' })
  assert.notEqual(missing.status, 0)
  assert.match(missing.stderr + missing.stdout, /absent\.csv/)
})
