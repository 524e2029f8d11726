// What tells a collection of our name from one of ours: how it was made, its indexes and its documents. What
// would lose rows, or take two of them for one, is refused before anything is written; what is merely added,
// such as an index for somebody's own queries, is left alone.
import type { CollectionInfo, Document } from 'mongodb'
import { UserError } from '../../errors.ts'
import { refuseForeignShape } from '../schema.ts'

/** How a collection of ours is to be. */
export type Shape = {
  readonly name: string
  /** The fields of `_id` in order (none where it is a plain value), and of the document. */
  readonly id: readonly string[]
  readonly fields: readonly string[]
  /** The fields of the document that no two documents share all of. */
  readonly key: readonly string[]
  /** The fields of its one index; none where it has no index of its own. */
  readonly index: readonly string[]
}

/** An index as the server lists it. */
export type Index = {
  readonly name: string
  readonly key: Document
  readonly unique?: boolean
  readonly prepareUnique?: boolean
  readonly sparse?: boolean
  readonly partialFilterExpression?: Document
  readonly collation?: Document
  readonly expireAfterSeconds?: number
  readonly language_override?: string
}

/** Throws UserError for what is no plain collection, or one that drops documents or compares as we do not. */
export function refuseForeignOptions({ name, type, options = {} }: CollectionInfo, place: string): void {
  const refuse = (why: string): never => refuseForeignShape(name, why, place)
  if (type === 'timeseries') refuse('it is a time series, in which two rows may have the same key')
  if (type !== undefined && type !== 'collection') refuse(`it is a ${type}, not a collection`)
  if (options.capped) refuse('it is capped, so that new rows push out old ones')
  if (!isPlain(options.collation)) {
    refuse(`it compares text by the collation ${options.collation?.locale}, not byte by byte`)
  }
  if ('expireAfterSeconds' in options) refuse(`it removes rows after ${options.expireAfterSeconds} seconds`)
}

/**
 * Whether a validation rule of somebody else may refuse documents. Which ones cannot be known before they are
 * written, and it does no other harm, so it is told and not refused.
 */
export function hasRule({ options = {} }: CollectionInfo): boolean {
  const { validator, validationAction, validationLevel } = options
  const isEmpty = validator === undefined || Object.keys(validator).length === 0
  return !isEmpty && validationAction !== 'warn' && validationLevel !== 'off'
}

/** Throws UserError for an index that removes or refuses rows, or stands in the way of ours. */
export function refuseForeignIndexes(shape: Shape, indexes: readonly Index[], place: string): void {
  for (const index of indexes) {
    const harm = harmOf(shape, index)
    if (harm === null) continue
    throw new UserError(
      `table ${shape.name} in ${place} has an index ${index.name} that ${harm}`,
      'drop that index, or choose another database with --db-uri',
    )
  }
}

function harmOf(shape: Shape, index: Index): string | null {
  const fields = Object.keys(index.key)
  const { expireAfterSeconds } = index
  if (expireAfterSeconds !== undefined) return `removes rows after ${expireAfterSeconds} seconds`
  if ((index.unique || index.prepareUnique) && !isImplied(shape, index)) {
    return `refuses rows: it is unique on (${fields.join(', ')}), which rows of petrosa share`
  }
  if (fields.some((field) => shape.fields.includes(field) && index.key[field] === '2dsphere')) {
    return `refuses rows: they have no places on a map in (${fields.join(', ')})`
  }
  if (index.language_override !== undefined && shape.fields.includes(index.language_override)) {
    return `refuses rows: it takes their ${index.language_override} for a language`
  }
  if (index.name === ownIndexName(shape) && !isOwnIndex(shape, index)) {
    return `bears the name of petrosa's own on (${shape.index.join(', ')})`
  }
  return null
}

/** Whether an index is unique on no less than the key, so that it refuses nothing that the key does not. */
function isImplied(shape: Shape, { key, collation }: Index): boolean {
  return isPlain(collation) && ('_id' in key || shape.key.every((field) => field in key))
}

/** Whether a collation compares text byte by byte, as no collation does. */
function isPlain(collation: Document | undefined): boolean {
  return collation === undefined || collation.locale === 'simple'
}

/** Whether an index serves as the one that petrosa makes; its name is of no matter. */
export function isOwnIndex(shape: Shape, index: Index): boolean {
  const fields = Object.entries(index.key).map(([field, direction]) => `${field} ${direction}`)
  const own = shape.index.map((field) => `${field} 1`)
  const isWhole = !index.sparse && index.partialFilterExpression === undefined
  return fields.join() === own.join() && isWhole && isPlain(index.collation)
}

/** The name that the server gives to an index that is made without one. */
const ownIndexName = (shape: Shape): string => shape.index.map((field) => `${field}_1`).join('_')

/** Throws UserError when `sample`, a document of the collection, is none of ours. */
export function refuseForeignSample(shape: Shape, sample: Document, place: string): void {
  const id: unknown = sample._id
  const fields =
    id !== null && typeof id === 'object' && Object.getPrototypeOf(id) === Object.prototype
      ? Object.keys(id)
      : []
  if (fields.join() !== shape.id.join()) {
    refuseForeignShape(shape.name, `the _id of its documents is not {${shape.id.join(', ')}}`, place)
  }
  const missing = shape.fields.find((field) => !(field in sample))
  if (missing !== undefined) refuseForeignShape(shape.name, `its documents have no field ${missing}`, place)
}
