// The story: the whole of it, checked again from both chains; its page in a real browser; its nine lies, each refused; a user's own table; and
// what wrong options say.
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { binary, root } from './support.mjs'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'peaberry-demo-'))
fs.chmodSync(folder, 0o711)
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const play = (name, ...args) => spawnSync(binary, ['demo', '--folder', path.join(folder, name), ...args], { encoding: 'utf8' })
const told = (name) => JSON.parse(fs.readFileSync(path.join(folder, name, 'story.json')))
const check = (name) => spawnSync(binary, ['verify', path.join(folder, name)], { encoding: 'utf8' })

test('one bean walks through all five layers, and the till adds up to the wei', { timeout: 300_000 }, () => {
  const run = play('whole', '--rows', '20000')
  assert.equal(run.status, 0, run.stderr + run.stdout)
  const story = told('whole')
  assert.equal(story.rows_left, 0)
  assert.ok(story.bytes_out > 0 && story.bytes_to_hosts > 0)
  assert.deepEqual(story.stations.map((s) => s.name), ['open', 'farm', 'roastery', 'recipe', 'counter', 'cup', 'till', 'books'])
  for (const station of story.stations) for (const line of station.lines) assert.ok(line.en && line.zh, 'each line in both languages')
  const epoch = story.jobs.find((job) => job.kind === 'epoch')
  assert.equal(epoch.toTrainers[2], '0', 'the copycat earns nothing')
  assert.equal(story.jobs.filter((job) => job.kind === 'job').length, 3)
  const ocean = (name) => story.parties.find((party) => party.name === name).statement.OCEAN
  for (const name of ['owner', 'host1', 'worker']) assert.ok(BigInt(ocean(name).net) > 0n, `${name} earns`)
  assert.ok(BigInt(story.chains[0].tokens.find((t) => t.symbol === 'OCEAN').holders['0x000000000000000000000000000000000000dEaD']) > 0n, 'something is burned')
  assert.ok(story.seconds <= 120, `story_total ${story.seconds} s`)
})

test('verify recomputes it from both chains, and finds a changed story out', { timeout: 120_000 }, () => {
  const good = check('whole')
  assert.equal(good.status, 0, good.stderr)
  assert.match(good.stdout, /agrees with its chains: (\d{3,}) checks/)
  const file = path.join(folder, 'whole/story.json')
  const text = fs.readFileSync(file, 'utf8')
  const changes = {
    'a net that is not so': (story) => (story.parties[0].statement.OCEAN.net = '1'),
    'another payment': (story) => (story.flows[0].amount += '0'),
    'a job paid to another': (story) => (story.jobs.find((job) => job.kind === 'job').executor = '0x000000000000000000000000000000000000dEaD'),
    'less gas': (story) => (story.steps[5].gas -= 1),
    'a transaction that never was': (story) => (story.steps[5].tx = '0x' + '12'.repeat(32)),
    'another model': (story) => (story.model_sha256 = '0x' + '12'.repeat(32))
  }
  for (const [what, change] of Object.entries(changes)) {
    const story = JSON.parse(text)
    change(story)
    fs.writeFileSync(file, JSON.stringify(story))
    assert.notEqual(check('whole').status, 0, what)
  }
  fs.writeFileSync(file, text)
  const receipt = path.join(folder, 'whole/developer/model/receipt.json')
  const paper = fs.readFileSync(receipt, 'utf8')
  fs.writeFileSync(receipt, paper.replace('"exitCode":0', '"exitCode":1'))
  assert.match(check('whole').stderr, /signature does not hold/)
  fs.writeFileSync(receipt, paper)
})

test('the page opens in a real browser, in both languages', { timeout: 120_000 }, () => {
  const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find((name) => spawnSync('which', [name]).status === 0)
  assert.ok(chromium, 'no browser is installed: tools/setup test')
  const url = pathToFileURL(path.join(folder, 'whole/story.html')).href
  const artefacts = path.join(root, 'build/test-artefacts')
  fs.mkdirSync(artefacts, { recursive: true })
  const shot = path.join(artefacts, 'story.png')
  fs.rmSync(shot, { force: true })
  const browse = (...args) => spawnSync(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', `--user-data-dir=${path.join(folder, 'browser')}`, '--enable-logging=stderr', ...args, url], { encoding: 'utf8', timeout: 60_000, maxBuffer: 64 << 20 })
  browse('--hide-scrollbars', '--window-size=1100,3600', `--screenshot=${shot}`)
  assert.ok(fs.statSync(shot).size > 50_000, 'a screenshot with something on it')
  const english = browse('--accept-lang=en-US', '--dump-dom')
  assert.match(english.stdout, /data-lang="en"/)
  assert.match(english.stdout, /id="rows-left">0</)
  assert.ok((english.stdout.match(/class="flow"/g) ?? []).length > 20, 'who paid whom is drawn')
  assert.match(english.stdout, /class="n gain"/)
  assert.match(english.stdout, /class="n loss"/)
  assert.match(browse('--accept-lang=zh-CN', '--dump-dom').stdout, /data-lang="zh"/)
  assert.doesNotMatch(english.stderr, /Uncaught|CONSOLE.*error/i)
  assert.doesNotMatch(fs.readFileSync(path.join(folder, 'whole/story.html'), 'utf8'), /(src|href)="?http/, 'the page needs nothing else')
})

const lies = {
  'fake-rows': /TableRegistry's root/,
  'copy-model': /equal to an earlier model's/,
  'swap-model': /DirectVerifier/,
  overcharge: /AmountTooLarge/,
  'steal-claim': /WrongState/,
  'lie-in-quorum': /OutputRejected/,
  replay: /WrongCommitment/,
  'stale-price': /older than its heartbeat/,
  'forged-message': /records no delivery/
}
const playBeside = (name, ...args) =>
  new Promise((resolve) => execFile(binary, ['demo', '--folder', path.join(folder, name), ...args], { encoding: 'utf8', maxBuffer: 64 << 20 }, (error, stdout, stderr) => resolve({ status: error ? 1 : 0, stdout, stderr })))
test('nine lies', { concurrency: 2, timeout: 600_000 }, async (t) => {
  await Promise.all(
    Object.entries(lies).map(([lie, says]) =>
      t.test(`the lie ${lie} is refused, and by what`, { timeout: 240_000 }, async () => {
        const run = await playBeside(lie, '--rows', '4000', '--cheat', lie)
        assert.equal(run.status, 0, run.stderr + run.stdout)
        const { caught } = told(lie)
        assert.equal(caught.cheat, lie)
        assert.match(caught.check + ' ' + caught.said, says)
        assert.match(run.stdout, /The lie was refused/)
        fs.rmSync(path.join(folder, lie), { recursive: true, force: true })
      })
    )
  )
})

test("a node's own lie: with a quorum behind the pay, a forged output gets nothing", { timeout: 240_000 }, () => {
  const run = play('quorum', '--rows', '4000', '--evidence', 'quorum')
  assert.equal(run.status, 0, run.stderr + run.stdout)
  assert.match(run.stderr, /two of three members ran it again and found the same bytes/)
  assert.match(run.stderr, /a forged output was claimed with the owner's own key: the quorum's votes refuse it/)
  assert.equal(check('quorum').status, 0)
  fs.rmSync(path.join(folder, 'quorum'), { recursive: true, force: true })
})

test("the story is told of a user's own table, as far as one wants", { timeout: 120_000 }, () => {
  const rows = Array.from({ length: 2000 }, (_, i) => [i % 97, (i * 37) % 101, ['rye', 'oat', 'spelt'][i % 3], (i % 97) + ((i * 37) % 101) + ((i * 13) % 41) > 115 ? 'sold' : 'kept'].join(','))
  const csv = path.join(folder, 'harvest.csv')
  fs.writeFileSync(csv, 'sun,rain,grain,result\n' + rows.join('\n') + '\n')
  const run = play('own', '--data', csv, '--label', 'result', '--stop', 'roastery', '--language', 'zh')
  assert.equal(run.status, 0, run.stderr + run.stdout)
  assert.match(run.stderr, /烘焙坊/)
  const story = told('own')
  assert.deepEqual([story.canaries_found, story.stations.at(-2).name], [0, 'roastery'])
  assert.equal(check('own').status, 0)
  const nolabel = play('a', '--data', csv, '--label', 'nothing')
  assert.notEqual(nolabel.status, 0)
  assert.match(nolabel.stderr, /no column "nothing"/)
})

test('wrong options stop it with a sentence', () => {
  assert.match(play('b', '--data', path.join(folder, 'absent.csv'), '--label', 'x').stderr, /absent\.csv/)
  assert.match(play('c', '--stop', 'moon').stderr, /no station "moon"/)
  assert.match(play('d', '--cheat', 'everything').stderr, /no lie "everything"/)
})
