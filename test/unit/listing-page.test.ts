// Pages of the listing: what S3 writes is read, entities too, and what is cut or garbled is no shorter list.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { readListingPage } from '../../src/binance/listing-page.ts'
import { MalformedError } from '../../src/errors.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/listing-page.test.ts')
const PREFIX = 'data/spot/daily/klines/BTCUSDT/1m/'
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const content = (key: string, bytes: number | string): string =>
  `<Contents><Key>${escaped(key)}</Key><LastModified>2024-01-02T03:04:05.000Z</LastModified>` +
  `<ETag>&quot;0123&quot;</ETag><Size>${bytes}</Size>` +
  '<Owner><ID>1</ID><DisplayName>x</DisplayName></Owner></Contents>'
const folder = (name: string): string => `<CommonPrefixes><Prefix>${escaped(name)}</Prefix></CommonPrefixes>`

function xml(inner: string, { truncated = 'false', marker = '', prefix = PREFIX } = {}): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
    `<Name>data.binance.vision</Name><Prefix>${escaped(prefix)}</Prefix><Marker/>` +
    `${marker && `<NextMarker>${escaped(marker)}</NextMarker>`}` +
    '<MaxKeys>1000</MaxKeys><Delimiter>/</Delimiter>' +
    `<IsTruncated>${truncated}</IsTruncated>${inner}</ListBucketResult>`
  )
}

describe('a page', () => {
  test('gives files and folders with their names as they are, and where the next one begins', () => {
    const read = readListingPage(
      xml(content(`${PREFIX}a&b<c>.zip`, 7) + folder(`${PREFIX}龙虾USDT/`)),
      PREFIX,
    )
    expect(read).toEqual({
      files: [{ key: `${PREFIX}a&b<c>.zip`, bytes: 7 }],
      folders: [`${PREFIX}龙虾USDT/`],
      nextMarker: null,
    })
    const files = content(`${PREFIX}b.zip`, 1)
    expect(
      readListingPage(xml(files, { truncated: 'true', marker: `${PREFIX}b&c` }), PREFIX).nextMarker,
    ).toBe(`${PREFIX}b&c`)
    expect(readListingPage(xml(files, { truncated: 'true' }), PREFIX).nextMarker).toBe(`${PREFIX}b.zip`)
    const both = files + folder(`${PREFIX}c/`)
    expect(readListingPage(xml(both, { truncated: 'true' }), PREFIX).nextMarker).toBe(`${PREFIX}c/`)
    expect(readListingPage(xml(''), PREFIX)).toEqual({ files: [], folders: [], nextMarker: null })
  })

  test('may be laid out in lines, and write characters as numbers', () => {
    const laidOut = xml(content(`${PREFIX}A`, 3))
      .replaceAll('><', '>\n  <')
      .replace('/A<', '/&#65;&#x4e01;<')
    expect(readListingPage(laidOut, PREFIX).files).toEqual([{ key: `${PREFIX}A\u4e01`, bytes: 3 }])
  })

  test('is refused where it is cut anywhere', () => {
    const whole = xml(content(`${PREFIX}a.zip`, 7) + folder(`${PREFIX}b/`))
    for (let length = 0; length < whole.length; length += 1)
      expect(() => readListingPage(whole.slice(0, length), PREFIX)).toThrow(MalformedError)
  })

  test('is refused where it is another thing', () => {
    const cases: [string, RegExp][] = [
      ['<html><body>hello</body></html>', /no ListBucketResult/],
      ['{"code":0}', /garbled near/],
      ['<Error><Code>NoSuchBucket</Code></Error>', /no ListBucketResult/],
      [xml(content('data/other/a.zip', 1)), /below data\/spot/],
      [xml('', { prefix: 'data/other/' }), /is of data\/other\//],
      [xml(content(`${PREFIX}a`, -1)), /a file of -1 bytes/],
      [xml(content(`${PREFIX}a`, '')), /a file of no bytes/],
      [xml('<Contents><Size>1</Size></Contents>'), /has "" below/],
      [xml('<CommonPrefixes></CommonPrefixes>'), /has "" below/],
      [xml('', { truncated: 'maybe' }), /does not say whether/],
      [xml('', { truncated: 'true' }), /empty and goes on/],
      [xml(content(`${PREFIX}&nbsp;`, 1)), /unknown entity &nbsp;/],
      [xml(content(`${PREFIX}&#9999999;`, 1)), /unknown entity/],
      [xml('text'), /garbled near "text/],
      [`${xml('')}<x></x>`, /no ListBucketResult/],
    ]
    for (const [text, says] of cases)
      expect(() =>
        readListingPage(text.replace('&amp;nbsp;', '&nbsp;').replace('&amp;#', '&#'), PREFIX),
      ).toThrow(says)
  })

  test('of any damage is read as what it says, or refused', () => {
    const whole = xml(content(`${PREFIX}a.zip`, 7) + content(`${PREFIX}b.zip`, 8))
    const property = fc.property(
      fc.nat({ max: whole.length - 1 }),
      fc.string({ maxLength: 3 }),
      (at, text) => {
        try {
          const { files } = readListingPage(whole.slice(0, at) + text + whole.slice(at + 1), PREFIX)
          expect(files.length).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError)
        }
      },
    )
    fc.assert(property, { ...runs, numRuns: runs.numRuns * 5 })
  })
})
