// One request for an archive, its CHECKSUM or a page of the listing: found, changed as the faults say, and
// sent. Answers and errors are those of S3 behind CloudFront, not those of the markets' API.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ArchiveNote } from './archive-counts.ts'
import {
  CHECKSUM_SUFFIX,
  checksumText,
  etagOf,
  isChecksumHidden,
  type ListingQuery,
  listingXml,
  MAX_KEYS,
} from './archive-listing.ts'
import {
  type ArchiveHits,
  isFor,
  isOn,
  type RequestKind,
  signedChanges,
  type WireKind,
} from './archive-rules.ts'
import { lengthOf } from './archive-zip.ts'
import { errorAnswer } from './faults.ts'
import type { Desk } from './serve.ts'
import { type Ending, type PartsReply, sendNothing, sendParts } from './wire.ts'

const DOWNLOADS = '/archive/'
const LISTINGS = ['/listing', '/listing/']
const XML_TYPE = 'application/xml'
const SLOW_MS = 300
const DEFECT_STATUS = 599

/** Whether a path is one of the archives' hosts. */
export function isOfArchives(path: string): boolean {
  return path.startsWith(DOWNLOADS) || LISTINGS.includes(path)
}

/** What is asked for, and what hits it. */
type Asked = { readonly request: RequestKind; readonly key: string; readonly hits: ArchiveHits }

/** Answers one request, or fails it as the faults say. Never throws: a defect is answered 599. */
export async function serveArchives(
  desk: Desk,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const nowMs = desk.around.nowMs()
  const asked = askedFor(desk, url, nowMs)
  const { wire, changes } = asked.hits
  const note = (status: number, bytes: number, fault: ArchiveNote['fault']): void => {
    const entry = { atMs: nowMs, path: url.pathname, query: url.search.slice(1), status, weight: 0, fault }
    desk.counter.noteArchive(entry, { request: asked.request, key: asked.key, status, bytes, fault })
  }
  if (wire === 'hang' || wire === 'reset') {
    note(0, 0, wire)
    if (wire === 'reset') sendNothing(response)
    return
  }
  const reply = await (wireReply(wire, nowMs) ?? answer(desk, url, request, asked, nowMs)).catch(defect)
  const isServed = reply.status === 200
  note(
    reply.status,
    isServed ? lengthOf(reply.parts) : 0,
    wire ?? (isServed ? changes[0]?.kind : null) ?? null,
  )
  if (wire === 'slow') await Bun.sleep(desk.faults.archives?.slowMs ?? desk.faults.slowMs ?? SLOW_MS)
  await sendParts(response, reply, endingOf(wire))
}

function askedFor(desk: Desk, url: URL, nowMs: number): Asked {
  if (!url.pathname.startsWith(DOWNLOADS)) {
    const key = url.searchParams.get('prefix') ?? ''
    return { request: 'listing', key, hits: desk.chooseOfArchives('listing', key, nowMs) }
  }
  const key = decoded(url.pathname.slice(DOWNLOADS.length))
  const request = key.endsWith(CHECKSUM_SUFFIX) ? 'checksum' : 'zip'
  return { request, key, hits: desk.chooseOfArchives(request, zipKeyOf(key), nowMs) }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

const zipKeyOf = (key: string): string =>
  key.endsWith(CHECKSUM_SUFFIX) ? key.slice(0, -CHECKSUM_SUFFIX.length) : key

const endingOf = (wire: WireKind | null): Ending => (wire === 'cut' || wire === 'stall' ? wire : 'whole')

function answer(
  desk: Desk,
  url: URL,
  request: IncomingMessage,
  asked: Asked,
  nowMs: number,
): Promise<PartsReply> {
  if (request.method !== 'GET')
    return refusal(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.')
  return asked.request === 'listing' ? listing(desk, url, nowMs) : download(desk, asked, nowMs)
}

async function listing(desk: Desk, url: URL, nowMs: number): Promise<PartsReply> {
  const query = listingQuery(url.searchParams)
  if (query === null)
    return refusal(501, 'NotImplemented', 'ListObjects v1 with prefix, delimiter /, marker and max-keys.')
  const xml = await listingXml(desk.shelf, query, desk.faults.archives ?? {}, nowMs)
  return { status: 200, headers: { 'content-type': XML_TYPE }, parts: [Buffer.from(xml)] }
}

const known = ['prefix', 'delimiter', 'marker', 'max-keys']

/** What a listing was asked for; null where it is more than the rig can do. */
function listingQuery(query: URLSearchParams): ListingQuery | null {
  const delimiter = query.get('delimiter') ?? ''
  const maxKeys = Number(query.get('max-keys') ?? MAX_KEYS)
  const isKnown = [...query.keys()].every((name) => known.includes(name))
  if (!isKnown || (delimiter !== '' && delimiter !== '/') || !(maxKeys >= 1)) return null
  const [prefix, marker] = [query.get('prefix') ?? '', query.get('marker') ?? '']
  return { prefix, delimiter, marker, maxKeys: Math.min(Math.floor(maxKeys), MAX_KEYS) }
}

async function download(desk: Desk, { request, key, hits }: Asked, nowMs: number): Promise<PartsReply> {
  const faults = desk.faults.archives ?? {}
  const published = desk.shelf.find(zipKeyOf(key), faults, nowMs)
  const isGone = faults.rules?.some(
    (rule) => rule.kind === 'gone' && isOn(rule, nowMs) && isFor(rule, zipKeyOf(key)),
  )
  if (!published || isGone || (request === 'checksum' && isChecksumHidden(key, faults, nowMs)))
    return refusal(404, 'NoSuchKey', 'The specified key does not exist.')
  const signed = signedChanges(faults, published.file.key, nowMs)
  const headers = {
    'last-modified': new Date(published.modifiedAtMs).toUTCString(),
    etag: etagOf(key, published, signed),
  }
  if (request === 'checksum') {
    const { sha256 } = await desk.shelf.zip(published, signed)
    const isWrong = hits.changes.length > 0
    const body = Buffer.from(checksumText(isWrong ? [...sha256].reverse().join('') : sha256, zipKeyOf(key)))
    return { status: 200, headers: { ...headers, 'content-type': 'binary/octet-stream' }, parts: [body] }
  }
  const { parts } = await desk.shelf.zip(published, hits.changes)
  return { status: 200, headers: { ...headers, 'content-type': 'application/zip' }, parts }
}

async function refusal(status: number, code: string, message: string): Promise<PartsReply> {
  const xml =
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<Error><Code>${code}</Code><Message>${message}</Message><RequestId>RIG</RequestId></Error>`
  return { status, headers: { 'content-type': XML_TYPE }, parts: [Buffer.from(xml)] }
}

/** The answer of the faults that have one of their own. */
function wireReply(wire: WireKind | null, nowMs: number): Promise<PartsReply> | null {
  switch (wire) {
    case 'error-500':
      return refusal(500, 'InternalError', 'We encountered an internal error. Please try again.')
    case 'error-503':
      return refusal(503, 'SlowDown', 'Please reduce your request rate.')
    case 'blocked-403':
    case 'html': {
      const error = errorAnswer(wire, nowMs)
      if (!error) return null
      const headers = { 'content-type': error.contentType }
      return Promise.resolve({ status: error.status, headers, parts: [Buffer.from(error.body)] })
    }
    case 'cut':
    case 'reset':
    case 'hang':
    case 'slow':
    case 'stall':
    case null:
      return null
  }
}

function defect(error: unknown): PartsReply {
  console.error('defect of the rig:', error)
  return { status: DEFECT_STATUS, headers: {}, parts: [Buffer.from(String(error))] }
}
