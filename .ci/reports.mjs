// Checks of .ci/reports that need a parser of somebody else. Usage: node reports.mjs CHECK FILE...; says what is wrong, exits 1.
import assert from 'node:assert'
import { readFileSync } from 'node:fs'

const read = (file) => readFileSync(file, 'utf8')

const checks = {
  // report.json keeps the schema that the program prints.
  async schema(report, schema) {
    const { default: Ajv } = await import('ajv/dist/2020.js')
    const { default: formats } = await import('ajv-formats')
    const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false, strictTypes: false })
    formats(ajv)
    const valid = ajv.compile(JSON.parse(read(schema)))
    assert(valid(JSON.parse(read(report))), ajv.errorsText(valid.errors, { separator: '\n' }))
    return 'valid'
  },

  // A parser reads what the report counts.
  async junit(xml, report) {
    const { parse } = await import('junit2json')
    const found = await parse(read(xml))
    const { totals, cases, trouble, baseline } = JSON.parse(read(report))
    const { FAIL = 0, XPASS = 0, XFAIL = 0, ERROR = 0 } = totals.verdicts
    // entries that are wrong, and that no case tells of
    const astray = (baseline?.entries ?? []).filter((e) => ['stale', 'expired', 'changed'].includes(e.state) &&
      !cases.some((c) => c.listed?.line === e.line && (c.verdict === 'XPASS' || c.listed.changed))).length
    const all = found.testsuite.flatMap((suite) => suite.testcase ?? [])
    const having = (name) => all.filter((test) => test[name]?.length > 0).length
    const lost = trouble ? 1 : 0
    assert.equal(all.length, totals.chosen + lost + astray, 'testcases')
    assert.equal(Number(found.tests), all.length, 'tests')
    assert.equal(having('failure'), FAIL + XPASS + astray, 'failures')
    assert.equal(Number(found.failures), having('failure'), 'counted failures')
    assert.equal(having('error'), ERROR + totals.not_run + lost, 'errors')
    assert.equal(Number(found.errors), having('error'), 'counted errors')
    assert.equal(having('skipped'), totals.held_back + XFAIL, 'skipped')
    for (const c of cases) {
      assert(all.some((test) => test.name === c.id && test.file === c.feature && Number(test.line) === c.line), `${c.id} is missing`)
    }
    return `${all.length} testcases in ${found.testsuite.length} suites`
  },

  // Cucumber's own converter takes it for JSON of cucumber-js. It doesn't know embeddings, which cucumber-js does write.
  async cucumber(file, report) {
    const { convert } = await import('@cucumber/cucumber-json-converter')
    const features = JSON.parse(read(file))
    let embedded = 0
    for (const step of features.flatMap((f) => f.elements).flatMap((e) => e.steps)) {
      for (const { mime_type: type, data } of step.embeddings ?? []) {
        assert.equal(type, 'text/plain')
        assert.equal(Buffer.from(data, 'base64').toString('base64'), data, 'base64')
        embedded++
      }
      delete step.embeddings
    }
    convert(features)
    const elements = features.flatMap((f) => f.elements)
    const { totals } = JSON.parse(read(report))
    assert.equal(elements.length, totals.chosen, 'elements')
    const failed = elements.filter((e) => e.steps.some((s) => ['failed', 'undefined'].includes(s.result.status))).length
    assert.equal(failed, ['FAIL', 'XPASS', 'ERROR'].reduce((n, v) => n + (totals.verdicts[v] ?? 0), 0), 'failed elements')
    return `${elements.length} elements in ${features.length} features, ${embedded} embeddings`
  },

  // The shape that shields.io asks of an endpoint badge.
  async badge(file) {
    const badge = JSON.parse(read(file))
    assert.deepEqual(Object.keys(badge).sort(), ['color', 'isError', 'label', 'message', 'schemaVersion'])
    assert.equal(badge.schemaVersion, 1)
    assert.equal(typeof badge.isError, 'boolean')
    for (const name of ['label', 'message', 'color']) assert(typeof badge[name] === 'string' && badge[name] !== '', name)
    return badge.message
  },

  // A picture of a page isn't blank: its commonest colour leaves something over, and there are many others.
  async picture(file) {
    const { PNG } = await import('pngjs')
    const { data, width, height } = PNG.sync.read(readFileSync(file))
    const colours = new Map()
    for (let i = 0; i < data.length; i += 4) {
      const colour = data.readUInt32BE(i)
      colours.set(colour, (colours.get(colour) ?? 0) + 1)
    }
    const commonest = Math.max(...colours.values()) / (width * height)
    assert(colours.size > 50 && commonest < 0.99, `${colours.size} colours, one of them on ${(100 * commonest).toFixed(1)} %`)
    return `${width}x${height}, ${colours.size} colours`
  },
}

const [name, ...files] = process.argv.slice(2)
try {
  console.log(await checks[name](...files))
} catch (fault) {
  console.error(fault.message)
  process.exit(1)
}
