// Reads a topic from its beginning with KafkaJS and prints each record as JSON, with
// the partition that KafkaJS's own partitioner would have chosen for its key.
//   node kafkajs_reader.js BOOTSTRAP TOPIC COUNT
const {
  CompressionCodecs,
  CompressionTypes,
  Kafka,
  Partitioners,
  logLevel,
} = require('kafkajs')
const lz4 = require('lz4js')

// KafkaJS brings no LZ4 of its own, which is how HealthPay's records are compressed.
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async ({ buffer }) => Buffer.from(lz4.compress(buffer)),
  decompress: async (buffer) => Buffer.from(lz4.decompress(buffer)),
})

const [bootstrap, topic, count] = process.argv.slice(2)
const kafka = new Kafka({
  clientId: 'healthpay-test',
  brokers: bootstrap.split(','),
  logLevel: logLevel.NOTHING,
})

async function partitionsOf(topic) {
  const admin = kafka.admin()
  await admin.connect()
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  await admin.disconnect()
  return topics[0].partitions
}

async function main() {
  const partitionMetadata = await partitionsOf(topic)
  const choose = Partitioners.DefaultPartitioner()
  const consumer = kafka.consumer({ groupId: `${topic}-kafkajs` })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let left = Number(count)
  await new Promise((resolve, reject) => {
    // A broker that has just started moves its coordinators; KafkaJS begins again then.
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) reject(payload.error)
    })
    consumer.run({
      eachMessage: async ({ partition, message }) => {
        const headers = Object.fromEntries(
          Object.entries(message.headers).map(([name, text]) => [name, text.toString()]),
        )
        const chosen = choose({ topic, partitionMetadata, message })
        console.log(JSON.stringify({
          partition,
          chosen,
          offset: message.offset,
          key: message.key.toString(),
          headers,
          value: JSON.parse(message.value.toString()),
        }))
        left -= 1
        if (left === 0) resolve()
      },
    }).catch(reject)
  })
  await consumer.disconnect()
}

main().then(() => process.exit(0), (error) => {
  console.error(error)
  process.exit(1)
})
