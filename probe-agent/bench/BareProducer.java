import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * What no agent that publishes through Kafka's client can be cheaper than: a loop that sends given records, with the
 * agent's producer settings. Arguments: bootstrap servers, topic, file of records (length, bytes), a file that holds the
 * rate in records a second, read anew each second. Ends when that file is gone.
 */
final class BareProducer {
  public static void main(String[] arguments) throws Exception {
    String topic = arguments[1];
    List<byte[]> records = read(Path.of(arguments[2]));
    Path rateFile = Path.of(arguments[3]);
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers", arguments[0],
            "acks", "all",
            "enable.idempotence", true,
            "linger.ms", 500,
            "batch.size", 32 << 10,
            "buffer.memory", 4L << 20,
            "compression.type", "zstd",
            "compression.zstd.level", 1,
            "metric.reporters", "",
            "enable.metrics.push", false);
    try (KafkaProducer<String, byte[]> producer =
        new KafkaProducer<>(settings, new StringSerializer(), new ByteArraySerializer())) {
      int next = 0;
      producer.send(new ProducerRecord<>(topic, "bare", records.get(next++ % records.size()))).get();
      while (Files.exists(rateFile)) {
        int rate = Integer.parseInt(Files.readString(rateFile).strip());
        // Ten turns a second, as often as the agent looks at its channel at rest.
        for (int turn = 0; turn < 10; turn++) {
          for (int i = 0; i < rate / 10; i++) {
            producer.send(new ProducerRecord<>(topic, "bare", records.get(next++ % records.size())));
          }
          LockSupport.parkNanos(100_000_000);
        }
      }
    }
  }

  private static List<byte[]> read(Path file) throws Exception {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file));
    List<byte[]> records = new ArrayList<>();
    while (bytes.hasRemaining()) {
      byte[] record = new byte[bytes.getInt()];
      bytes.get(record);
      records.add(record);
    }
    return records;
  }
}
