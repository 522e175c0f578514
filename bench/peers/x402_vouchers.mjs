// npm's own x402 batch-settlement, client and server in one process as its users run it, eight channels at once: paid calls a second.
// Prints one number. Needs the contracts of this repository (build/contracts/out) and npm's anvil; starts a chain of its own.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { x402Facilitator } from '@x402/core/facilitator'
import { x402HTTPResourceServer, x402ResourceServer } from '@x402/core/server'
import { toClientEvmSigner, toFacilitatorEvmSigner } from '@x402/evm'
import { BatchSettlementEvmScheme as ClientScheme } from '@x402/evm/batch-settlement/client'
import { BatchSettlementEvmScheme as FacilitatorScheme } from '@x402/evm/batch-settlement/facilitator'
import { BatchSettlementEvmScheme as ServerScheme } from '@x402/evm/batch-settlement/server'
import { wrapFetchWithPaymentFromConfig } from '@x402/fetch'
import { createWalletClient, defineChain, http as transport, parseAbi, publicActions } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { multicall3Bytecode } from '../../node_modules/viem/_esm/constants/contracts.js'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const [channels, seconds] = [8, Number(process.argv[2] ?? 8)]
const port = await new Promise((resolve) => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address()
    probe.close(() => resolve(port))
  })
})
const anvil = spawn(path.join(root, 'node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil'), ['--port', port, '--chain-id', '8996', '--quiet'].map(String), { stdio: 'ignore' })
process.on('exit', () => anvil.kill())
const url = 'http://127.0.0.1:' + port
const chain = defineChain({ id: 8996, name: 'local', nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 }, rpcUrls: { default: { http: [url] } }, contracts: { multicall3: { address: '0xcA11bde05977b3631167028862bE2a173976CA11' } } })
const bank = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80') // anvil's first, public
const wallet = createWalletClient({ account: bank, chain, transport: transport(url), pollingInterval: 20 }).extend(publicActions)
for (let i = 0; i < 200; ++i) if (await wallet.getBlockNumber().then(() => true, () => new Promise((resolve) => setTimeout(() => resolve(false), 50)))) break
const artifact = (name) => JSON.parse(fs.readFileSync(path.join(root, `build/contracts/out/${name[0]}.sol/${name[1]}.json`)))
async function deploy(bytecode, at) {
  const receipt = await wallet.waitForTransactionReceipt({ hash: await wallet.sendTransaction({ data: bytecode }) })
  if (at) await wallet.request({ method: 'anvil_setCode', params: [at, await wallet.getCode({ address: receipt.contractAddress })] })
  return receipt.contractAddress
}
await deploy(artifact(['VoucherChannels', 'VoucherChannels']).bytecode.object, '0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003')
await deploy(artifact(['VoucherChannels', 'ERC3009DepositCollector']).bytecode.object, '0x4020806089470a89826cB9fB1f4059150b550004')
await deploy(multicall3Bytecode, '0xcA11bde05977b3631167028862bE2a173976CA11')
const token = await deploy(artifact(['TestUSD', 'TestUSD']).bytecode.object)

const network = 'eip155:8996'
const receiver = privateKeyToAccount(generatePrivateKey())
const facilitator = new x402Facilitator().register(network, new FacilitatorScheme(toFacilitatorEvmSigner({ ...wallet, address: bank.address, getCode: (a) => wallet.getCode(a), readContract: (a) => wallet.readContract(a), verifyTypedData: (a) => wallet.verifyTypedData(a), writeContract: (a) => wallet.writeContract(a), sendTransaction: (a) => wallet.sendTransaction(a), waitForTransactionReceipt: (a) => wallet.waitForTransactionReceipt(a) }), receiver))
const resources = new x402ResourceServer({ verify: (p, r) => facilitator.verify(p, r), settle: (p, r) => facilitator.settle(p, r), getSupported: async () => facilitator.getSupported() })
resources.register(network, new ServerScheme(receiver.address, { receiverAuthorizerSigner: receiver, withdrawDelay: 900, onchainStateTtlMs: 600_000 }))
const price = { amount: '100', asset: token, extra: { name: 'Test USD', version: '1' } }
const gate = new x402HTTPResourceServer(resources, { 'GET /answer': { accepts: { scheme: 'batch-settlement', network, payTo: receiver.address, price }, description: 'an answer' } })
await gate.initialize()
const server = http.createServer(async (request, response) => {
  const adapter = { getHeader: (name) => request.headers[name.toLowerCase()], getMethod: () => request.method, getPath: () => request.url, getUrl: () => 'http://' + request.headers.host + request.url, getAcceptHeader: () => 'application/json', getUserAgent: () => 'bench' }
  const outcome = await gate.processHTTPRequest({ adapter, path: request.url, method: request.method, paymentHeader: adapter.getHeader('payment-signature') })
  if (outcome.type === 'payment-error') {
    response.writeHead(outcome.response.status, outcome.response.headers)
    return response.end(JSON.stringify(outcome.response.body ?? {}))
  }
  const settled = await gate.processSettlement(outcome.paymentPayload, outcome.paymentRequirements, outcome.declaredExtensions)
  response.writeHead(settled.success ? 200 : 402, { 'Content-Type': 'application/json', ...settled.headers })
  response.end(settled.success ? '{"answer":42}' : JSON.stringify(settled))
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const target = `http://127.0.0.1:${server.address().port}/answer`

const abi = parseAbi(['function mint(address,uint256)'])
const payers = []
for (let c = 0; c < channels; ++c) {
  const account = privateKeyToAccount(generatePrivateKey())
  await wallet.waitForTransactionReceipt({ hash: await wallet.writeContract({ address: token, abi, functionName: 'mint', args: [account.address, 10n ** 12n] }) })
  const scheme = new ClientScheme(toClientEvmSigner(account, wallet), { depositPolicy: { depositMultiplier: 1_000_000 } })
  payers.push(wrapFetchWithPaymentFromConfig(fetch, { schemes: [{ network: 'eip155:*', client: scheme }], spendControls: { allowedAssets: true, maxAmountPerPayment: false } }))
}
for (const pay of payers) {
  const first = await pay(target) // opens the channel
  if (first.status !== 200) throw new Error(`the first call of a channel: ${first.status} ${await first.text()} ${Buffer.from(first.headers.get('payment-required') ?? '', 'base64')}`)
}
let paid = 0
const until = performance.now() + seconds * 1000
const start = performance.now()
await Promise.all(payers.map(async (pay) => {
  while (performance.now() < until) if ((await pay(target)).status === 200) ++paid
}))
console.log((paid / ((performance.now() - start) / 1000)).toFixed(1))
process.exit(0)
