// What is wrong with an answer by the program's own description of its routes.
import { Ajv2020 } from 'ajv/dist/2020'
import type { OpenApi } from '../../src/server/openapi.ts'

type Content = Readonly<Record<string, { readonly schema: object }>>
type Operation = { readonly responses: Readonly<Record<string, { readonly content?: Content }>> }

/** Holds answers against `document`; null where there is nothing wrong. */
export function answerChecker(document: OpenApi) {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajv.addSchema({ ...document }, 'document')
  return async (path: string, method: 'get' | 'post', response: Response): Promise<unknown> => {
    const operation = document.paths[path]?.[method] as Operation | undefined
    const described = operation?.responses[String(response.status)]
    if (!described) return `${method} ${path} does not describe ${response.status}`
    const type = (response.headers.get('content-type') ?? '').replace(/;.*/, '')
    const content = described.content?.[type]
    if (!content) return `${method} ${path} does not describe ${type}`
    if (type !== 'application/json') return null
    const validate = ajv.compile(JSON.parse(JSON.stringify(content.schema).replaceAll('"#/', '"document#/')))
    return validate(await response.json()) ? null : validate.errors
  }
}
