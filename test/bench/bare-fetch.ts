// The ceiling of every pull: the same pages, fetched and thrown away. Takes the exchange's address, rows and
// symbols as arguments.
import { pageUrls } from './bench-market.ts'

/** As many at once as petrosa has series in flight. */
const AT_ONCE = 4

const [url = '', rows = '0', symbols = '1'] = process.argv.slice(2)
const urls = pageUrls(url, Number(rows), Number(symbols))
const fetchAll = async (): Promise<void> => {
  for (let next = urls.pop(); next; next = urls.pop()) await (await fetch(next)).arrayBuffer()
}
await Promise.all(Array.from({ length: AT_ONCE }, fetchAll))
