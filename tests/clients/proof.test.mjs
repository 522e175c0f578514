// Ceremonies and proofs as files: made, checked, found wrong; and what bad input is told.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { binary, root } from './support.mjs'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'peaberry-proof-'))
after(() => fs.rmSync(home, { recursive: true, force: true }))
const run = (...args) => spawnSync(binary, ['--home', home, '--json', ...args], { encoding: 'utf8' })
const ok = (...args) => {
  const out = run(...args)
  assert.equal(out.status, 0, out.stdout + out.stderr)
  return JSON.parse(out.stdout)
}
const refused = (what, ...args) => {
  const out = run(...args)
  assert.equal(out.status, 1, out.stdout)
  assert.match(JSON.parse(out.stdout).error.message, what)
}
const vectors = path.join(root, 'tests/vectors/proof/vectors.json')

test('a development ceremony is made, opened again, and found out when a point is changed', () => {
  const made = ok('srs', 'dev', '--log', '8')
  assert.equal(made.powers, 256)
  assert.match(made.note, /public chains refuse it/)
  assert.equal(ok('srs', 'verify', made.file).srsId, made.srsId)
  const bytes = fs.readFileSync(made.file)
  bytes[4096 + 64 * 100 + 5] ^= 1
  fs.writeFileSync(made.file, bytes)
  refused(/power 100 is not a point/, 'srs', 'verify', made.file)
  refused(/is not an SRS of ours/, 'srs', 'verify', vectors)
  refused(/does not begin with "ptau"/, 'srs', 'import', vectors)
  refused(/cannot open/, 'srs', 'import', path.join(home, 'none.ptau'))
  refused(/--log 3 is not in 4…24/, 'srs', 'dev', '--log', '3')
})

test('proofs made elsewhere verify as files, and a changed one does not', () => {
  assert.deepEqual(ok('proof', 'verify', vectors).map((one) => one.verified), Array(6).fill(true))
  assert.deepEqual(ok('proof', 'inspect', vectors).map((one) => one.proofBytes), [2528, 2240, 2176, 1664, 2016, 2208])
  const document = JSON.parse(fs.readFileSync(vectors))
  const one = document.cases[3]
  const place = 2 * one.refuse_byte
  one.proof = one.proof.slice(0, place) + (one.proof[place] === '0' ? '1' : '0') + one.proof.slice(place + 1)
  const file = path.join(home, 'changed.json')
  fs.writeFileSync(file, JSON.stringify(document))
  refused(/heads: the proof does not verify/, 'proof', 'verify', file)
  fs.writeFileSync(file, '{"cases":[{"name":"x"}]}')
  refused(/cases\[0\]/, 'proof', 'verify', file)
})
