// Robots pay by the call: npm's unmodified x402 client buys through our toll, by `exact` and out of a channel; and what does not pay gets
// nothing. The SDK has the addresses of its channels compiled in, so that our code is put there with anvil_setCode.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/client'
import { ExactEvmScheme } from '@x402/evm/exact/client'
import { wrapFetchWithPaymentFromConfig } from '@x402/fetch'
import { createPublicClient, encodeFunctionData, http as transport, parseAbi } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { toClientEvmSigner } from '@x402/evm'
import { binary, freePort, peaberry, startNode } from './support.mjs'

const CHANNELS = '0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003'
const COLLECTOR = '0x4020806089470a89826cB9fB1f4059150b550004'
const PRICE = 10_000n // 0.01 TestUSD
let node, folder, upstream, toll, tokenAddress, chain
const state = { calls: 0, status: 200 }
const abi = parseAbi(['function mint(address,uint256)', 'function balanceOf(address) view returns (uint256)', 'function channels(bytes32) view returns (uint128 balance, uint128 totalClaimed)'])

const channelConfig = '(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)'
const exits = parseAbi([`function initiateWithdraw(${channelConfig} config,uint128 amount)`, `function finalizeWithdraw(${channelConfig} config)`])

const rpc = async (method, ...params) => {
  const reply = await (await fetch(node.rpc, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), headers: { 'content-type': 'application/json' } })).json()
  if (reply.error) throw new Error(reply.error.message)
  return reply.result
}
const balance = (who) => chain.readContract({ address: tokenAddress, abi, functionName: 'balanceOf', args: [who] })
const decoded = (reply, name) => JSON.parse(Buffer.from(reply.headers.get(name), 'base64').toString())
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64')

async function payer(amount = 1_000_000n) {
  const account = privateKeyToAccount(generatePrivateKey())
  const [bank] = await rpc('eth_accounts')
  await rpc('eth_sendTransaction', { from: bank, to: tokenAddress, data: encodeFunctionData({ abi, functionName: 'mint', args: [account.address, amount] }) })
  for (let i = 0; (await balance(account.address)) !== amount; ++i) assert.ok(i < 500)
  return account
}
const client = (scheme) => wrapFetchWithPaymentFromConfig(fetch, { schemes: [{ network: 'eip155:*', client: scheme }], spendControls: { allowedAssets: true, maxAmountPerPayment: false } })

async function startToll() {
  const home = path.join(folder, 'toll')
  const port = await freePort()
  const child = spawn(binary, ['--json', '--home', home, '--chain', node.rpc, '--address-file', node.addressFile, 'toll', '--upstream', `http://127.0.0.1:${upstream.address().port}`,
    '--price', '0.01', '--port', port, '--channels', CHANNELS, '--collector', COLLECTOR, '--claim-every', '3600'].map(String), { stdio: ['ignore', 'pipe', 'pipe'] })
  const self = { child, home, out: '', log: '' }
  child.stderr.on('data', (chunk) => (self.log += chunk))
  const first = await new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => ((self.out += chunk), self.out.includes('\n') && resolve(JSON.parse(self.out.split('\n')[0]))))
    child.once('exit', () => reject(new Error('the toll ended: ' + self.log + self.out)))
  })
  self.url = first.url
  self.payTo = first.payTo
  self.operator = (await peaberry(home, 'keys', 'show')).operator
  self.end = (signal = 'SIGTERM') =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve()
      child.removeAllListeners('exit')
      child.once('exit', resolve)
      child.kill(signal)
    })
  return self
}

before(async () => {
  node = await startNode('--no-compute')
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'peaberry-x402-'))
  fs.chmodSync(folder, 0o711)
  upstream = http.createServer((request, response) => {
    ++state.calls
    response.writeHead(state.status, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify({ answer: 42, path: request.url }))
  })
  await new Promise((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const addresses = Object.values(JSON.parse(fs.readFileSync(node.addressFile)))[0]
  tokenAddress = addresses.TestUSD
  for (const [from, to] of [[addresses.VoucherChannels, CHANNELS], [addresses.ERC3009DepositCollector, COLLECTOR]]) await rpc('anvil_setCode', to, await rpc('eth_getCode', from, 'latest'))
  chain = createPublicClient({ transport: transport(node.rpc) })
  const home = path.join(folder, 'toll')
  fs.mkdirSync(home)
  const keys = await peaberry(home, 'keys', 'new')
  await peaberry(home, '--chain', node.rpc, '--address-file', node.addressFile, 'chain', 'fund', keys.operator, '--coins', '5')
  toll = await startToll()
})
after(async () => {
  await toll?.end()
  upstream?.close()
  await node?.stop()
  if (folder) fs.rmSync(folder, { recursive: true, force: true })
})

test('a call without a payment is told what it costs, and reaches nobody', async () => {
  const reply = await fetch(toll.url + '/answer')
  assert.equal(reply.status, 402)
  const required = decoded(reply, 'PAYMENT-REQUIRED')
  assert.equal(required.x402Version, 2)
  assert.deepEqual(required.accepts.map((offer) => [offer.scheme, offer.network, offer.amount, offer.payTo]), [['exact', 'eip155:8996', '10000', toll.payTo], ['batch-settlement', 'eip155:8996', '10000', toll.payTo]])
  assert.deepEqual([required.accepts[0].extra.name, required.accepts[0].extra.version], ['Test USD', '1'])
  assert.match(reply.headers.get('access-control-expose-headers'), /PAYMENT-RESPONSE/)
  assert.equal(state.calls, 0)
})

test('the npm client buys an answer by one signature', async () => {
  const account = await payer()
  const [before, calls] = [await balance(toll.payTo), state.calls]
  let sent
  const spying = (input, init) => ((sent = new Request(input, init).headers.get('PAYMENT-SIGNATURE') ?? sent), fetch(input, init))
  const reply = await wrapFetchWithPaymentFromConfig(spying, { schemes: [{ network: 'eip155:*', client: new ExactEvmScheme(account) }], spendControls: { allowedAssets: true, maxAmountPerPayment: false } })(toll.url + '/answer?q=1')
  assert.equal(reply.status, 200)
  assert.deepEqual(await reply.json(), { answer: 42, path: '/answer?q=1' })
  const receipt = decoded(reply, 'PAYMENT-RESPONSE')
  assert.equal(receipt.success, true)
  assert.equal(receipt.payer, account.address)
  assert.equal((await chain.getTransactionReceipt({ hash: receipt.transaction })).status, 'success')
  assert.equal(await balance(toll.payTo), before + PRICE)
  assert.equal(await balance(account.address), 1_000_000n - PRICE)
  // The same payment buys nothing more, nor does a changed one.
  const again = await fetch(toll.url + '/answer', { headers: { 'PAYMENT-SIGNATURE': sent } })
  assert.equal(again.status, 402)
  assert.equal(decoded(again, 'PAYMENT-REQUIRED').error, 'invalid_transaction_state')
  const changed = JSON.parse(Buffer.from(sent, 'base64').toString())
  changed.payload.authorization.nonce = '0x' + '11'.repeat(32)
  const forged = await fetch(toll.url + '/answer', { headers: { 'PAYMENT-SIGNATURE': encoded(changed) } })
  assert.equal(decoded(forged, 'PAYMENT-REQUIRED').error, 'invalid_exact_evm_payload_signature')
  assert.equal(await balance(toll.payTo), before + PRICE)
  assert.equal(state.calls, calls + 1)
})

test('the npm client opens a channel and pays by vouchers; one claim settles; the rest comes back', async () => {
  const account = await payer()
  const scheme = new BatchSettlementEvmScheme(toClientEvmSigner(account, chain))
  const pay = client(scheme)
  const [before, start] = [await balance(toll.payTo), Number(await rpc('eth_blockNumber'))]
  for (let n = 1; n <= 12; ++n) {
    const reply = await pay(toll.url + '/call/' + n)
    assert.equal(reply.status, 200, await reply.clone().text())
    const receipt = decoded(reply, 'PAYMENT-RESPONSE')
    assert.equal(receipt.extra.chargedAmount, '10000')
    assert.equal(receipt.extra.channelState.chargedCumulativeAmount, String(10_000 * n))
  }
  assert.equal(Number(await rpc('eth_blockNumber')), start + 2, 'two transactions: the deposit that the toll asks for, and when it was used up another')
  assert.equal(await balance(account.address), 1_000_000n - 20n * PRICE)
  // A client that lost its memory finds its way back by the corrective answer; the toll loses nothing by a hard end.
  await toll.end('SIGKILL')
  toll = await startToll()
  const forgetful = client(new BatchSettlementEvmScheme(toClientEvmSigner(account, chain)))
  const reply = await forgetful(toll.url + '/call/13')
  assert.equal(reply.status, 200, await reply.clone().text())
  assert.equal(decoded(reply, 'PAYMENT-RESPONSE').extra.channelState.chargedCumulativeAmount, '130000')
  // A gentle end claims what was earned.
  await toll.end()
  assert.deepEqual(JSON.parse(toll.out.trim().split('\n').pop()), { stopped: true, claimed: '130000', channels: 1 })
  assert.equal(await balance(toll.payTo), before + 13n * PRICE)
  toll = await startToll()
})

test('what is left in a channel is given back when the client asks', async () => {
  const account = await payer()
  const scheme = new BatchSettlementEvmScheme(toClientEvmSigner(account, chain), {})
  const reply = await client(scheme)(toll.url + '/once')
  assert.equal(reply.status, 200, await reply.clone().text())
  const before = await balance(toll.payTo)
  const refunded = await scheme.refund(toll.url + '/once')
  assert.equal(refunded.success, true)
  assert.equal(await balance(account.address), 1_000_000n - PRICE)
  const id = decoded(reply, 'PAYMENT-RESPONSE').extra.channelState.channelId
  assert.deepEqual(await chain.readContract({ address: CHANNELS, abi, functionName: 'channels', args: [id] }), [PRICE, PRICE], 'what was earned was claimed with it')
  assert.equal(await balance(toll.payTo), before, 'and waits to be settled')
})

test('a service that fails is not paid', async () => {
  const account = await payer()
  state.status = 500
  const scheme = new BatchSettlementEvmScheme(toClientEvmSigner(account, chain))
  const pay = client(scheme)
  assert.equal((await pay(toll.url + '/x')).status, 500)
  assert.equal((await client(new ExactEvmScheme(account))(toll.url + '/x')).status, 500)
  state.status = 200
  assert.equal(await balance(account.address), 1_000_000n - 10n * PRICE, 'only the deposit has moved, and it is still its own')
  const reply = await pay(toll.url + '/x')
  assert.equal(reply.status, 200, await reply.clone().text())
  assert.equal(decoded(reply, 'PAYMENT-RESPONSE').extra.channelState.chargedCumulativeAmount, '10000', 'the first that is charged')
})

test('a payer that left while the toll was away does not keep the others from being claimed', async () => {
  const [leaver, stayer] = [await payer(), await payer()]
  for (const account of [leaver, stayer]) assert.equal((await client(new BatchSettlementEvmScheme(toClientEvmSigner(account, chain)))(toll.url + '/z')).status, 200)
  await toll.end('SIGKILL')
  const config = { payer: leaver.address, payerAuthorizer: leaver.address, receiver: toll.payTo, receiverAuthorizer: toll.operator, token: tokenAddress, withdrawDelay: 900, salt: '0x' + '00'.repeat(32) }
  await rpc('anvil_setBalance', leaver.address, '0xde0b6b3a7640000')
  await rpc('anvil_impersonateAccount', leaver.address)
  const send = async (functionName, ...args) => {
    const hash = await rpc('eth_sendTransaction', { from: leaver.address, to: CHANNELS, data: encodeFunctionData({ abi: exits, functionName, args: [config, ...args] }) })
    assert.equal((await chain.waitForTransactionReceipt({ hash, pollingInterval: 20 })).status, 'success')
  }
  await send('initiateWithdraw', 10n * PRICE)
  await rpc('evm_increaseTime', 901)
  await rpc('evm_mine')
  await send('finalizeWithdraw')
  assert.equal(await balance(leaver.address), 1_000_000n, 'everything, because nobody claimed in time')
  toll = await startToll()
  await toll.end()
  const last = JSON.parse(toll.out.trim().split('\n').pop())
  assert.ok(!last.error && BigInt(last.claimed) >= PRICE, JSON.stringify(last))
  toll = await startToll()
})

test('payments that do not hold are refused by name', async () => {
  const calls = state.calls
  const offer = decoded(await fetch(toll.url + '/'), 'PAYMENT-REQUIRED').accepts[0]
  const refused = async (value, status = 402) => {
    const reply = await fetch(toll.url + '/', { headers: { 'PAYMENT-SIGNATURE': typeof value === 'string' ? value : encoded(value) } })
    assert.equal(reply.status, status)
    return decoded(reply, 'PAYMENT-REQUIRED').error
  }
  assert.equal(await refused('not base64!', 400), 'invalid_payload')
  assert.equal(await refused(encoded([1]), 400), 'invalid_payload')
  assert.equal(await refused({ x402Version: 1, scheme: 'exact' }, 400), 'invalid_x402_version')
  assert.equal(await refused({ x402Version: 2, accepted: { ...offer, scheme: 'gift' }, payload: {} }, 400), 'unsupported_scheme')
  assert.equal(await refused({ x402Version: 2, accepted: offer, payload: {} }, 400), 'invalid_payload')
  const account = await payer(5n)
  const scheme = new ExactEvmScheme(account)
  const made = async (requirements) => ({ x402Version: 2, accepted: requirements, payload: (await scheme.createPaymentPayload(2, requirements)).payload })
  assert.equal(await refused(await made(offer)), 'insufficient_funds')
  assert.equal(await refused(await made({ ...offer, amount: '1' })), 'invalid_payment_requirements')
  assert.equal(await refused(await made({ ...offer, network: 'eip155:1' })), 'invalid_network')
  assert.equal(await refused({ ...(await made({ ...offer, amount: '1' })), accepted: offer }), 'invalid_exact_evm_payload_authorization_value_mismatch')
  assert.equal(await refused(await made({ ...offer, maxTimeoutSeconds: 1 })), 'invalid_exact_evm_payload_authorization_valid_before')
  const channelOffer = decoded(await fetch(toll.url + '/'), 'PAYMENT-REQUIRED').accepts[1]
  const small = new BatchSettlementEvmScheme(toClientEvmSigner(await payer(), chain), { depositPolicy: { depositMultiplier: 3 } })
  const { payload } = await small.createPaymentPayload(2, { ...channelOffer, extra: { ...channelOffer.extra, minDeposit: undefined } })
  assert.equal(payload.deposit.amount, '30000')
  assert.equal(await refused({ x402Version: 2, accepted: channelOffer, payload }), 'invalid_batch_settlement_evm_deposit_below_min_deposit')
  const busy = { ...payload, voucher: { ...payload.voucher, maxClaimableAmount: '20000' } }
  assert.equal(await refused({ x402Version: 2, accepted: channelOffer, payload: busy }), 'invalid_batch_settlement_evm_voucher_signature')
  const other = privateKeyToAccount(generatePrivateKey()).address
  assert.equal(await refused({ ...(await made({ ...offer, payTo: other })), accepted: offer }), 'invalid_exact_evm_payload_recipient_mismatch')
  assert.equal(state.calls, calls, 'nobody was served')
})
