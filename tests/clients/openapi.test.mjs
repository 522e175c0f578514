// The OpenAPI document and the node know the same routes.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { root, startNode } from './support.mjs'

const document = JSON.parse(fs.readFileSync(path.join(root, 'api/openapi.json')))
let node
before(async () => {
  node = await startNode('--no-compute')
})
after(() => node?.stop())

test('every documented route is served', async () => {
  for (const [route, methods] of Object.entries(document.paths))
    for (const method of Object.keys(methods)) {
      const url = node.url + route.replace('{job}', '0x' + '12'.repeat(32)).replace('{did}', 'did:op:' + '12'.repeat(32))
      const reply = await fetch(url, { method: method.toUpperCase(), ...(method === 'get' ? {} : { body: '{}', headers: { 'content-type': 'application/json' } }) })
      const text = await reply.text()
      assert.doesNotMatch(text, /^Cannot |there is no (GET|POST|PUT)/, `${method} ${route}: ${reply.status} ${text}`)
    }
})

test('every served route is documented', () => {
  const served = new Set()
  for (const file of ['ocean_api.cpp', 'peaberry_api.cpp'])
    for (const [, route] of fs.readFileSync(path.join(root, 'src/node', file), 'utf8').matchAll(/"(\/(?:api|directCommand)[A-Za-z0-9/]*)"/g)) served.add(route.replace(/\/$/, ''))
  const known = Object.keys(document.paths).map((route) => route.replace(/\/\{.*$/, ''))
  // Prefixes that only dispatch, and the jobs list that Ocean's client reads by its literal name.
  const aside = new Set(['/api/v1', '/api/services/jobs', '/api/v1/questions'])
  for (const route of served) assert.ok(aside.has(route) || known.includes(route), `${route} is not in api/openapi.json`)
})
