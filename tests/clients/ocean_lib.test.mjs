// npm's unmodified @oceanprotocol/lib 8.0.0 against our node: it finds, orders and downloads what our CLI published, publishes
// what our CLI finds, and runs a free and a paid compute job with the trainer.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { peaberry, sleep, startNode } from './support.mjs'

let node, lib, ethers, signer, addresses, config, trainer, dataset, csv

before(async () => {
  node = await startNode('--min-job-seconds', '60', '--cpu-price', '1')
  process.env.ADDRESS_FILE = node.addressFile
  lib = await import('@oceanprotocol/lib')
  ethers = (await import('ethers')).ethers
  lib.LoggerInstance.setLevel(lib.LogLevel.Error)
  addresses = JSON.parse(fs.readFileSync(node.addressFile)).development
  const provider = new ethers.JsonRpcProvider(node.rpc, undefined, { cacheTimeout: -1 })
  provider.pollingInterval = 50
  signer = await provider.getSigner(1) // one of anvil's own accounts: 100,000 OCEAN
  config = new lib.ConfigHelper().getConfig(8996)
  config.oceanNodeUri = node.url
  const keys = await peaberry(node.home, 'keys', 'show')
  await peaberry(node.home, 'chain', 'fund', keys.operator, '--coins', '10', '--tokens', '10')
  csv = path.join(node.home, 'table.csv')
  await peaberry(node.home, 'demo-data', csv, '--rows', '2000')
  trainer = await peaberry(node.home, 'algo', 'publish-trainer')
  dataset = await peaberry(node.home, 'publish', csv, '--name', 'Clients test table', '--description', 'A table for compute tests', '--free', '--compute', '--trust', trainer.did)
})
after(() => node?.stop())

test('the node is a valid provider with status and nonce', async () => {
  const { ProviderInstance } = lib
  assert.equal(await ProviderInstance.isValidProvider(node.url), true)
  const status = await ProviderInstance.getNodeStatus(node.url)
  assert.equal(status.http, true)
  assert.equal(await ProviderInstance.getNonce(node.url, await signer.getAddress()), 0)
})

test('an asset of our CLI is found, ordered and downloaded, and its order is renewed', async () => {
  const { Aquarius, ProviderInstance, Datatoken, FixedRateExchange, amountToUnits, approve } = lib
  const text = 'a,b\n1,2\n'.repeat(1000)
  const file = path.join(node.home, 'small.csv')
  fs.writeFileSync(file, text)
  const published = await peaberry(node.home, 'publish', file, '--name', 'Small table', '--description', 'Eight kilobytes of digits', '--price', '2.5')
  const aquarius = new Aquarius(node.url)
  const ddo = await aquarius.waitForIndexer(published.did, published.steps.at(-1).tx, null, 200, 50)
  assert.equal(ddo.id, published.did)
  const price = ddo.indexedMetadata.stats[0].prices[0]
  assert.equal(price.type, 'fixedrate')
  assert.equal(price.price, '2.5')
  const me = await signer.getAddress()
  const datatoken = new Datatoken(signer, 8996)
  const exchange = new FixedRateExchange(price.contract, signer, 8996)
  await (await approve(signer, config, me, addresses.Ocean, price.contract, '10'))?.wait?.()
  await (await exchange.buyDatatokens(price.exchangeId, '1', '3')).wait()
  const service = ddo.services[0]
  const initialize = await ProviderInstance.initialize(published.did, service.id, 0, me, node.url)
  const order = await datatoken.startOrder(published.datatoken, me, 0, initialize.providerFee)
  await order.wait()
  const url = await ProviderInstance.getDownloadUrl(published.did, service.id, 0, order.hash, node.url, signer)
  const reply = await lib.downloadFile(url)
  assert.equal(reply.filename, 'small.csv')
  assert.equal(Buffer.from(reply.data).toString(), text)
  const again = await fetch(url)
  assert.equal(again.status, 401, 'the same signed URL must not work twice')

  const renewed = await datatoken.reuseOrder(published.datatoken, order.hash, (await ProviderInstance.initialize(published.did, service.id, 0, me, node.url)).providerFee)
  await renewed.wait()
  const second = await ProviderInstance.getDownloadUrl(published.did, service.id, 0, renewed.hash, node.url, signer)
  assert.equal(Buffer.from((await lib.downloadFile(second)).data).toString(), text)
})

test('an asset that the library publishes is found by our CLI', async () => {
  const { Aquarius, createAsset } = lib
  const ddo = {
    '@context': ['https://w3id.org/did/v1'], id: 'did:op:0', version: '4.7.0', chainId: 8996, nftAddress: '0x0',
    metadata: { created: '2026-01-01T00:00:00Z', updated: '2026-01-01T00:00:00Z', type: 'dataset', name: 'Published by ocean.js', description: 'A listing made by the unmodified library', tags: ['espresso'], author: 'ocean.js', license: 'https://market.oceanprotocol.com/terms' },
    services: [{ id: 'one', type: 'access', files: '', datatokenAddress: '0x0', serviceEndpoint: node.url, timeout: 0 }]
  }
  const aquarius = new Aquarius(node.url)
  const did = await createAsset('Lib NFT', 'LIB', signer, { datatokenAddress: '0x0', nftAddress: '0x0', files: [{ type: 'url', url: 'https://example.com/file.csv', method: 'GET' }] }, 1, ddo, true, node.url, ethers.ZeroAddress, aquarius)
  await aquarius.waitForIndexer(did, null, null, 200, 50)
  const found = await peaberry(node.home, 'search', 'ocean.js', '--tag', 'espresso')
  assert.equal(found.total, 1)
  assert.equal(found.assets[0].did, did)
  const query = await aquarius.querySearch({ query: { bool: { filter: [{ term: { 'metadata.tags': 'espresso' } }] } }, from: 0, size: 5 })
  assert.equal(query.hits.hits[0]._source.id, did)
})

async function waitForJob(jobId) {
  for (let i = 0; i < 300; i++) {
    const [job] = [await lib.ProviderInstance.computeStatus(node.url, signer, jobId)].flat()
    if (job.status >= 70 && job.status !== 71 ? true : [31, 32, 41, 42, 61].includes(job.status)) return job
    await sleep(100)
  }
  throw new Error('the job does not end')
}

async function fetchOutputs(job) {
  const output = job.results.find((result) => result.type === 'output')
  const chunks = []
  for await (const chunk of await lib.ProviderInstance.getComputeResult(node.url, signer, job.jobId, output.index)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function order(asset, payee, plan) {
  const { Aquarius, Datatoken, Dispenser } = lib
  const ddo = await new Aquarius(node.url).resolve(asset.did)
  const price = ddo.indexedMetadata.stats[0].prices[0]
  const me = await signer.getAddress()
  await (await new Dispenser(price.contract, signer, 8996).dispense(asset.datatoken, '1', me)).wait()
  const started = await new Datatoken(signer, 8996).startOrder(asset.datatoken, payee, 0, plan.providerFee)
  await started.wait()
  return { documentId: asset.did, serviceId: asset.serviceId, transferTxId: started.hash }
}

test('a paid and a free compute job run with the trainer', async () => {
  const { ProviderInstance, EscrowContract } = lib
  const [environment] = await ProviderInstance.getComputeEnvironments(node.url)
  assert.deepEqual(environment.resources.map((resource) => resource.id), ['cpu', 'ram', 'disk'])
  const me = await signer.getAddress()
  const resources = [{ id: 'cpu', amount: 2 }]
  const data = [{ documentId: dataset.did, serviceId: dataset.serviceId }]
  const algorithm = { documentId: trainer.did, serviceId: trainer.serviceId, algocustomdata: { label: 'heart_disease', seed: 7 } }
  const seconds = 600
  const plan = await ProviderInstance.initializeCompute(data, algorithm, environment.id, addresses.Ocean, seconds, node.url, me, resources, 8996)
  assert.equal(plan.payment.amount, String((BigInt(seconds) / 60n) * 2n * 10n ** 18n))
  assert.equal(plan.payment.minLockSeconds, seconds + environment.queMaxWaitTime + 3600)
  const orderedData = await order(dataset, environment.consumerAddress, plan.datasets[0])
  const orderedAlgorithm = { ...algorithm, ...(await order(trainer, environment.consumerAddress, plan.algorithm)) }

  await assert.rejects(async () => {
    const reply = await ProviderInstance.computeStart(node.url, signer, environment.id, [orderedData], orderedAlgorithm, seconds, addresses.Ocean, resources, 8996)
    if (!Array.isArray(reply) || reply[0].status === 80) throw new Error('no job')
  }, 'a job without funds in the escrow must not start')

  const escrow = new EscrowContract(plan.payment.escrowAddress, signer, 8996)
  const amount = ethers.formatEther(plan.payment.amount)
  await (await lib.approve(signer, config, me, addresses.Ocean, plan.payment.escrowAddress, amount))?.wait?.()
  await (await escrow.deposit(addresses.Ocean, amount)).wait()
  await (await escrow.authorize(addresses.Ocean, plan.payment.payee, amount, String(plan.payment.minLockSeconds), '10')).wait()
  const before = await escrow.getUserFunds(me, addresses.Ocean)
  const [paid] = [await ProviderInstance.computeStart(node.url, signer, environment.id, [orderedData], orderedAlgorithm, seconds, addresses.Ocean, resources, 8996)].flat()
  const paidJob = await waitForJob(paid.jobId)
  assert.equal(paidJob.status, 70, JSON.stringify(paidJob))
  const after = await escrow.getUserFunds(me, addresses.Ocean)
  // 60 s are the least that is charged: 2 cores × 1 OCEAN.
  assert.equal(before[0] - after[0], 2n * 10n ** 18n)
  assert.equal(after[1], 0n, 'the rest of the lock is free again')
  assert.ok((await fetchOutputs(paidJob)).includes('outputs/model.onnx'))

  const [free] = [await ProviderInstance.freeComputeStart(node.url, signer, environment.id, [orderedData], orderedAlgorithm, [{ id: 'cpu', amount: 1 }])].flat()
  const freeJob = await waitForJob(free.jobId)
  assert.equal(freeJob.status, 70, JSON.stringify(freeJob))
  assert.ok((await fetchOutputs(freeJob)).includes('outputs/model.onnx'))
})
