// Jobs in JobEscrow by the command line, with the real contracts: who asks, who answers, who checks, who is paid; and what is refused.
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { peaberry, sleep, startNode } from './support.mjs'

let node, folder
const homes = {}
const args = () => ['--chain', node.rpc, '--address-file', node.addressFile]
const run = (who, ...command) => peaberry(homes[who], ...args(), ...command)
const address = async (who) => (await peaberry(homes[who], 'keys', 'show')).operator
const rpc = async (method, ...params) => (await (await fetch(node.rpc, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), headers: { 'content-type': 'application/json' } })).json()).result
const pass = async (seconds) => (await rpc('evm_increaseTime', seconds), await rpc('evm_mine'))
const write = (name, content) => (fs.writeFileSync(path.join(folder, name), content), path.join(folder, name))

before(async () => {
  node = await startNode('--no-compute')
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'peaberry-jobs-'))
  for (const who of ['requester', 'executor', 'signer0', 'signer1', 'signer2']) {
    homes[who] = fs.mkdtempSync(path.join(folder, who + '-'))
    const keys = await peaberry(homes[who], 'keys', 'new')
    await peaberry(homes[who], ...args(), 'chain', 'fund', keys.operator, '--coins', '5', '--tokens', who === 'requester' ? '1000' : '0')
  }
})
after(async () => {
  await node?.stop()
  if (folder) fs.rmSync(folder, { recursive: true, force: true })
})

async function quorumPolicy(name = 'quorum.json') {
  const signers = await Promise.all(['signer0', 'signer1', 'signer2'].map(address))
  return write(name, JSON.stringify({ quorum: { k: 2, commitWindow: 60, signers } }))
}

test('a policy is told in words, and its mistakes are named', async () => {
  const policy = await run('requester', 'policy', 'show', await quorumPolicy())
  assert.match(policy.paysWhen[0], /2 of 3 signers/)
  assert.ok(policy.warnings.some((line) => /no bond/.test(line)))
  assert.deepEqual((await run('requester', 'policy', 'check', policy.policy)).policyHash, policy.policyHash)
  await assert.rejects(run('requester', 'policy', 'check', write('bad.json', '{"quorum":{"k":1,"commitWindow":60,"signers":["0x1111111111111111111111111111111111111111","0x2222222222222222222222222222222222222222"]}}')), /majority/)
  await assert.rejects(run('requester', 'policy', 'check', write('bad.json', '{"kOf":9}')), /bad\.json.*verifier/)
  await assert.rejects(run('requester', 'policy', 'check', '0x00'), /no evidence/)
})

test('the planner says what it chose, what each kind of evidence would cost, and why', async () => {
  const small = await run('requester', 'policy', 'plan', '--value', '100', '--gas-price', '3e-8', '--macs', '1000', '--model-bytes', '1100')
  assert.equal(small.chosen, 'direct')
  assert.deepEqual(small.options.map((option) => option.mode), ['direct', 'quorum', 'owner-accept'])
  const large = await run('requester', 'policy', 'plan', '--value', '100', '--gas-price', '3e-8', '--macs', '1e9', '--model-bytes', '1e6', '--signer-bond', '60')
  assert.equal(large.chosen, 'quorum')
  assert.match(large.reasons[0], /not direct/)
  assert.equal((await run('requester', 'policy', 'plan', '--value', '100', '--gas-price', '3e-8', '--macs', '1e9', '--model-bytes', '1e6', '--private-model', '--nobody-looks')).chosen, null)
  await assert.rejects(run('requester', 'policy', 'plan', '--value', '-1', '--gas-price', '3e-8'), /value/)
})

test('two of three signers find the same output: the executor is paid', async () => {
  const opened = await run('requester', 'job', 'open', '--policy', await quorumPolicy(), '--amount', '7', '--executor', await address('executor'), '--seconds', '600')
  const output = write('answer.txt', 'forty-two')
  const { keccak256 } = await import('ethers')
  const hash = keccak256(fs.readFileSync(output))
  for (const who of ['signer0', 'signer2']) await run(who, 'job', 'vote', opened.jobId, '--output-hash', hash)
  await assert.rejects(run('executor', 'job', 'claim', opened.jobId, '--output', output), /CommitWindowOpen \(until \d+\)/)
  await assert.rejects(run('executor', 'job', 'vote', opened.jobId, '--output-hash', hash), /not a signer/)
  await pass(61)
  const votes = await Promise.all(['signer0', 'signer2'].map(async (who) => (await run(who, 'job', 'reveal', opened.jobId, '--output-hash', hash)).vote))
  await run('executor', 'job', 'claim', opened.jobId, '--output', output, '--vote', votes[0], '--vote', votes[1])
  const shown = await run('requester', 'job', 'show', opened.jobId)
  assert.equal(shown.state, 'claimed')
  assert.equal(shown.claims[0].status, 'accepted')
  assert.match(shown.next[0], /finalise/)
  await run('signer1', 'job', 'finalise', opened.jobId)
  assert.equal((await run('executor', 'job', 'withdraw')).amount, '7000000000000000000')
  await assert.rejects(run('executor', 'job', 'withdraw'), /owes .* nothing/)
  await assert.rejects(run('requester', 'job', 'refund', opened.jobId), /final already/)
})

test('anybody may answer an open job in two steps; the chain runs the model', async () => {
  // dense 2 → 1: 3 + 2 x - y
  const model = write('model.qops', Buffer.from('01010002' + '010001' + '00000003' + '02' + 'ff', 'hex'))
  const { subjectRoot } = await run('executor', 'job', 'publish-model', model)
  const { keccak256 } = await import('ethers')
  const input = write('input.bin', Buffer.from([5, 4]))
  const policy = write('direct.json', '{"direct":{}}')
  const opened = await run('requester', 'job', 'open', '--policy', policy, '--amount', '1', '--subject', subjectRoot, '--input', keccak256(fs.readFileSync(input)))
  const right = write('right.bin', Buffer.from((9).toString(16).padStart(64, '0'), 'hex'))
  const wrong = write('wrong.bin', Buffer.from((8).toString(16).padStart(64, '0'), 'hex'))
  await assert.rejects(run('executor', 'job', 'claim', opened.jobId, '--output', wrong, '--data', input), /WrongOutput|revert/)
  await run('executor', 'job', 'claim', opened.jobId, '--output', right, '--data', input)
  await run('requester', 'job', 'finalise', opened.jobId)
  assert.equal((await run('executor', 'job', 'withdraw')).amount, '1000000000000000000')
})

test('a requester accepts at once, objects in time, or is silent', async () => {
  const policy = write('owner.json', '{"ownerAccept":{"window":120,"stake":"0"}}')
  const claimed = async (text) => {
    const opened = await run('requester', 'job', 'open', '--policy', policy, '--amount', '2', '--executor', await address('executor'), '--seconds', '600')
    const claim = await run('executor', 'job', 'claim', opened.jobId, '--output', write('o.txt', text))
    return { job: opened.jobId, claim: claim.claimId }
  }
  const good = await claimed('good')
  await run('requester', 'job', 'accept', good.job, '--claim', good.claim)
  await run('executor', 'job', 'finalise', good.job)
  const bad = await claimed('bad')
  await assert.rejects(run('executor', 'job', 'object', bad.job, '--claim', bad.claim), /NotTheRequester|revert/)
  await run('requester', 'job', 'object', bad.job, '--claim', bad.claim)
  await assert.rejects(run('executor', 'job', 'finalise', bad.job), /NotAccepted|revert/)
  await run('signer0', 'job', 'refund', bad.job)
  const silent = await claimed('silent')
  await pass(121)
  await run('executor', 'job', 'finalise', silent.job)
  assert.equal((await run('executor', 'job', 'withdraw')).amount, '4000000000000000000')
  assert.equal((await run('requester', 'job', 'withdraw')).amount, '2000000000000000000')
})

test('bad words get a sentence that names the field', async () => {
  const policy = await quorumPolicy()
  await assert.rejects(run('requester', 'job', 'open', '--policy', policy, '--amount', 'much'), /amount/)
  await assert.rejects(run('requester', 'job', 'open', '--policy', policy, '--amount', '1', '--executor', '0x12'), /executor/)
  await assert.rejects(run('requester', 'job', 'open', '--policy', policy, '--amount', '1', '--kind', 'magic'), /magic/)
  await assert.rejects(run('requester', 'job', 'open', '--policy', path.join(folder, 'absent.json'), '--amount', '1'), /absent\.json/)
  await assert.rejects(run('requester', 'job', 'open', '--policy', policy, '--amount', '1', '--seconds', '30'), /TooLate|revert/)
  await assert.rejects(run('signer0', 'job', 'open', '--policy', policy, '--amount', '1'), /insufficient|balance|revert/i)
  await assert.rejects(run('requester', 'job', 'show', '0x' + '12'.repeat(32)), /no job/)
  await assert.rejects(run('requester', 'job', 'show', '0x12'), /job id/)
  await sleep(0)
})
