package io.bianque.agent.host;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.UUID;

/**
 * Who this host is.
 *
 * <p>The host id is a random UUID that the agent makes once and keeps in the file {@code host-id}
 * of its state folder, together with marks of the machine's hardware. It is not taken from the
 * machine itself: /etc/machine-id is alike in all copies of an image, and DMI UUIDs are missing in
 * microVMs and repeated by careless makers. When the marks show that the file was copied to another
 * machine, a new id is made.
 *
 * <p>What it cannot see: two copies with the same DMI UUID or none, the same hardware address and
 * the same machine-id, such as two microVMs resumed from one snapshot. There the state folder must
 * not be part of the image.
 *
 * @param hostId stable over reboots
 * @param bootId the kernel's random id of this boot
 * @param remarks what a person should know: that the id was made just now and why, that copies
 *     would go unnoticed
 */
public record HostIdentity(String hostId, String bootId, List<String> remarks) {
  private static final String FILE = "host-id";
  private static final String HOST_ID = "host_id";

  /**
   * Reads the id kept in the agent's state folder, or makes one. Creates the folder when it is
   * missing.
   *
   * @throws HostException when the folder cannot be written, or /proc cannot be read
   */
  public static HostIdentity load(HostRoot host, Path stateFolder) {
    String bootId = host.requiredText("proc/sys/kernel/random/boot_id");
    Path file = stateFolder.resolve(FILE);
    List<String> remarks = new ArrayList<>();
    Properties stored = read(file);
    Optional<String> known = storedId(stored);
    if (known.isPresent()) {
      HardwareMarks before = HardwareMarks.of(stored);
      HardwareMarks now = HardwareMarks.read(host, known.get());
      Optional<String> contradiction = now.contradiction(before);
      if (contradiction.isEmpty()) {
        if (!now.equals(before)) {
          write(file, known.get(), now);
        }
        remarkOnCopies(now, remarks);
        return new HostIdentity(known.get(), bootId, List.copyOf(remarks));
      }
      remarks.add(
          file
              + " came from another machine ("
              + contradiction.get()
              + "): host id "
              + known.get()
              + " is left to that one");
    } else if (Files.exists(file)) {
      remarks.add(file + " holds no host id");
    }
    String hostId = UUID.randomUUID().toString();
    HardwareMarks marks = HardwareMarks.read(host, hostId);
    write(file, hostId, marks);
    remarks.add("new host id " + hostId + ", kept in " + file);
    remarkOnCopies(marks, remarks);
    return new HostIdentity(hostId, bootId, List.copyOf(remarks));
  }

  private static void remarkOnCopies(HardwareMarks marks, List<String> remarks) {
    if (!marks.tellCopies()) {
      remarks.add(
          "neither a DMI product UUID nor a hardware address can be read here: a copy of this"
              + " machine's disk would go under the same host id");
    }
  }

  private static Optional<String> storedId(Properties stored) {
    try {
      return Optional.ofNullable(stored.getProperty(HOST_ID))
          .map(id -> UUID.fromString(id).toString());
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static Properties read(Path file) {
    Properties stored = new Properties();
    if (Files.exists(file)) {
      try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
        stored.load(in);
      } catch (IOException e) {
        throw new HostException(file + ": cannot be read: " + e, e);
      } catch (IllegalArgumentException e) {
        return new Properties();
      }
    }
    return stored;
  }

  /**
   * On disk before it is used: an id that was published must be the one that the next start finds.
   */
  private static void write(Path file, String hostId, HardwareMarks marks) {
    Properties stored = new Properties();
    stored.setProperty(HOST_ID, hostId);
    marks.store(stored);
    Path fresh = file.resolveSibling(FILE + ".new");
    try {
      Files.createDirectories(file.getParent());
      StringWriter text = new StringWriter();
      stored.store(text, "This host's id in Bianque. Never copy it to another machine.");
      Files.deleteIfExists(fresh);
      Files.createFile(
          fresh,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      try (FileChannel out = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
        ByteBuffer bytes = ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.ISO_8859_1));
        while (bytes.hasRemaining()) {
          out.write(bytes);
        }
        out.force(true);
      }
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      try (FileChannel folder = FileChannel.open(file.getParent(), StandardOpenOption.READ)) {
        folder.force(true);
      }
    } catch (IOException e) {
      throw new HostException(
          file
              + ": cannot be written ("
              + e
              + "); the agent's state folder must be writable and"
              + " outlive it",
          e);
    }
  }
}
