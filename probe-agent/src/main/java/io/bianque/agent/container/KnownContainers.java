package io.bianque.agent.container;

import io.bianque.facts.Container;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.AvroWriter;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The records of all containers that the agent has told of and not yet buried, by key, and the file
 * in which they wait for its next run: without it nobody would tell that one ended meanwhile.
 */
final class KnownContainers {
  private static final Logger LOG = LoggerFactory.getLogger(KnownContainers.class);

  private final Path file;
  private final AvroWriter<Container> writer = AvroWriter.specific(0, Container.class);
  private final Map<String, Container> all = new LinkedHashMap<>();
  private boolean saidUnwritable;

  KnownContainers(Path file) {
    this.file = file;
    read();
  }

  /** To be changed by the caller. */
  Map<String, Container> all() {
    return all;
  }

  private void read() {
    if (!Files.exists(file)) {
      return;
    }
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
      Schema written = new Schema.Parser().parse(in.readUTF());
      AvroReader<Container> reader = AvroReader.specific(_ -> written, Container.class);
      for (int left = in.readInt(); left > 0; left--) {
        Container each = reader.read(in.readNBytes(in.readInt()));
        all.put(ContainerWatch.key(each), each);
      }
    } catch (IOException | RuntimeException e) {
      LOG.warn(
          "{} is ignored, containers that ended since the agent last ran stay without an end: {}",
          file,
          e.toString());
    }
  }

  /** The schema, then each record behind its length. */
  void write() {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    try {
      try (DataOutputStream out =
          new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(fresh), 8192))) {
        out.writeUTF(Container.getClassSchema().toString());
        out.writeInt(all.size());
        for (Container each : all.values()) {
          byte[] record = writer.write(each);
          out.writeInt(record.length);
          out.write(record);
        }
      }
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      saidUnwritable = false;
    } catch (IOException e) {
      if (!saidUnwritable) {
        LOG.warn("what containers there are is not kept for the next run: {}", e.toString());
        saidUnwritable = true;
      }
    }
  }
}
