package io.bianque.agent.host;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What tells one machine from a copy of its disk in another. Each mark may be missing: a container
 * sees no hardware addresses, a microVM has no DMI. Marks are kept as hashes salted with the host
 * id, since a product UUID is a secret of root's.
 *
 * @param product DMI product UUID, or the device tree's serial number
 * @param machine /etc/machine-id: alike in all copies of a golden image, so it can only tell
 *     machines apart
 * @param addresses burnt-in MAC addresses of the network devices that have hardware
 */
record HardwareMarks(Optional<String> product, Optional<String> machine, Set<String> addresses) {
  private static final String PRODUCT = "product";
  private static final String MACHINE = "machine";
  private static final String ADDRESSES = "addresses";

  static HardwareMarks read(HostRoot host, String hostId) {
    return new HardwareMarks(
        host.text("sys/class/dmi/id/product_uuid")
            .filter(HardwareMarks::isReal)
            .or(() -> host.text("sys/firmware/devicetree/base/serial-number"))
            .map(mark -> hash(hostId, mark)),
        host.text("etc/machine-id").map(mark -> hash(hostId, mark)),
        addresses(host).stream()
            .map(mark -> hash(hostId, mark))
            .collect(Collectors.toCollection(TreeSet::new)));
  }

  static HardwareMarks of(Properties stored) {
    return new HardwareMarks(
        Optional.ofNullable(stored.getProperty(PRODUCT)),
        Optional.ofNullable(stored.getProperty(MACHINE)),
        Arrays.stream(stored.getProperty(ADDRESSES, "").split(",", -1))
            .filter(address -> !address.isEmpty())
            .collect(Collectors.toCollection(TreeSet::new)));
  }

  void store(Properties into) {
    product.ifPresent(mark -> into.setProperty(PRODUCT, mark));
    machine.ifPresent(mark -> into.setProperty(MACHINE, mark));
    into.setProperty(ADDRESSES, String.join(",", addresses));
  }

  /**
   * What shows that these marks are of another machine than the stored ones. A mark that either
   * side lacks shows nothing; of the addresses one in common is enough, since network cards come
   * and go.
   */
  Optional<String> contradiction(HardwareMarks stored) {
    if (differ(product, stored.product)) {
      return Optional.of("the DMI product UUID is another one");
    }
    if (!addresses.isEmpty()
        && !stored.addresses.isEmpty()
        && addresses.stream().noneMatch(stored.addresses::contains)) {
      return Optional.of("none of the network devices' hardware addresses is left");
    }
    if (differ(machine, stored.machine)) {
      return Optional.of("/etc/machine-id is another one");
    }
    return Optional.empty();
  }

  /** Whether a copy of this disk in another machine would show. */
  boolean tellCopies() {
    return product.isPresent() || !addresses.isEmpty();
  }

  private static boolean differ(Optional<String> a, Optional<String> b) {
    return a.isPresent() && b.isPresent() && !a.equals(b);
  }

  /** Boards whose maker left the field empty, or at the AMI BIOS's default, share these. */
  private static boolean isReal(String uuid) {
    return uuid.replace("-", "").chars().distinct().count() > 2
        && !uuid.equalsIgnoreCase("03000200-0400-0500-0006-000700080009");
  }

  private static Set<String> addresses(HostRoot host) {
    Set<String> addresses = new TreeSet<>();
    Path devices = host.path("sys/class/net");
    if (!Files.isDirectory(devices)) {
      return addresses;
    }
    try (DirectoryStream<Path> all = Files.newDirectoryStream(devices)) {
      for (Path device : all) {
        String name = "sys/class/net/" + device.getFileName();
        // 0 is NET_ADDR_PERM; a bond gives its members its own address and keeps theirs aside.
        boolean permanent = host.text(name + "/addr_assign_type").filter("0"::equals).isPresent();
        if (Files.exists(device.resolve("device"))) {
          host.text(name + "/bonding_slave/perm_hwaddr")
              .or(() -> permanent ? host.text(name + "/address") : Optional.empty())
              .filter(address -> address.chars().distinct().count() > 2)
              .ifPresent(addresses::add);
        }
      }
    } catch (IOException e) {
      throw new HostException(devices + ": cannot be listed: " + e, e);
    }
    return addresses;
  }

  private static String hash(String salt, String mark) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] bytes = digest.digest((salt + "\n" + mark).getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(bytes, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
