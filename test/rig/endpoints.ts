// Every endpoint of the local exchange. A further file of endpoints joins by one line.
import { coinInfoEndpoints } from './coin-info-endpoints.ts'
import type { Endpoint } from './endpoint.ts'
import { fundingEndpoints } from './funding-endpoint.ts'
import { infoEndpoints } from './info-endpoints.ts'
import { klinesEndpoints } from './klines-endpoint.ts'
import { tradesEndpoints } from './trades-endpoint.ts'

export const endpoints: readonly Endpoint[] = [
  ...infoEndpoints,
  ...coinInfoEndpoints,
  ...klinesEndpoints,
  ...tradesEndpoints,
  ...fundingEndpoints,
]
