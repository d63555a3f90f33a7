package io.bianque.agent.host;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;

/**
 * A host made of files: a Debian 6.1 kernel with two modules, a BPF program and an ftrace
 * trampoline.
 */
final class RecordedHost {
  static final String BUILD_ID = "6ecd6ec21ec69416e50a8aa6737e500901ddb47a";
  static final String VETH_BUILD_ID = "0102030405060708090a0b0c0d0e0f1011121314";
  static final long TEXT = 0xffffffff9ce00000L;
  static final long INIT_TEXT = 0xffffffff9ee77000L;
  static final long VETH = 0xffffffffc049c000L;

  static final String KALLSYMS =
      """
      0000000000000000 A fixed_percpu_data
      ffffffff9ce00000 T _stext
      ffffffff9ce00000 T _text
      ffffffff9ce00070 T secondary_startup_64
      ffffffff9ce001f0 t verify_cpu
      ffffffff9d5b1c40 W weak_one
      ffffffff9d5b1c50 T kfree_skb_reason
      ffffffff9dc01e4f T _etext
      ffffffff9dc01e4f T __indirect_thunk_end
      ffffffff9de00000 R __start_rodata
      ffffffff9ee42000 D __init_begin
      ffffffff9ee77000 T _sinittext
      ffffffff9ee77544 T x86_64_start_reservations
      ffffffff9ee7759c T x86_64_start_kernel
      ffffffff9ee77e46 T start_kernel
      ffffffff9eee57f8 T _einittext
      ffffffff9f101658 t amd_uncore_exit
      ffffffffc049c000 t veth_dellink\t[veth]
      ffffffffc049c0a0 T veth_xmit\t[veth]
      ffffffffc049d8f0 t veth_poll\t[veth]
      ffffffffc04a2000 d veth_driver\t[veth]
      ffffffffc04a3000 t early\t[nobuildid]
      ffffffffc0500000 t bpf_prog_6deef7357e7b4530_sd_fw_ingress\t[bpf]
      ffffffffc0600000 t ftrace_trampoline\t[__builtin__ftrace]
      """;

  private final Path root;

  RecordedHost(Path root) throws IOException {
    this.root = root;
    put("proc/kallsyms", KALLSYMS);
    put("proc/sys/kernel/osrelease", "6.1.0-44-amd64");
    put("proc/sys/kernel/hostname", "container-name");
    put("proc/sys/kernel/arch", "x86_64");
    put("proc/sys/kernel/kptr_restrict", "0");
    put("proc/sys/kernel/random/boot_id", "d0736fca-850d-4ece-97da-55d571897cd5");
    put("proc/self/status", "Name:\tjava\nCapEff:\t000001fffeffffff\n");
    put("etc/hostname", "web-17");
    put(
        "proc/modules",
        """
        veth 40960 0 - Live 0xffffffffc049c000
        nobuildid 16384 1 veth, Live 0xffffffffc04a3000 (OE)
        databound 4096 0 - Live 0xffffffffc04a9000
        """);
    putNotes("sys/kernel/notes", 6, "Linux", "00060100", 3, "GNU", BUILD_ID);
    putNotes("sys/module/veth/notes/.note.gnu.build-id", 3, "GNU", VETH_BUILD_ID);
    put("sys/module/veth/sections/.text", "0xffffffffc049c000");
    put("sys/module/veth/sections/.rodata", "0xffffffffc049f000");
    put("sys/module/veth/sections/.init.text", "0xffffffffc0701000");
    put("sys/module/veth/coresize", "40960");
    put("sys/module/nobuildid/sections/.text", "0xffffffffc04a3000");
    put("sys/module/nobuildid/coresize", "16384");
    put("sys/module/databound/sections/.data", "0xffffffffc04a9000");
  }

  HostRoot host() {
    return new HostRoot(root);
  }

  void put(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text.endsWith("\n") ? text : text + "\n");
  }

  void remove(String file) throws IOException {
    Files.delete(root.resolve(file));
  }

  /** Notes as triples of type, name and descriptor in hex. */
  void putNotes(String file, Object... notes) throws IOException {
    ByteBuffer out = ByteBuffer.allocate(1024).order(ByteOrder.nativeOrder());
    for (int i = 0; i < notes.length; i += 3) {
      byte[] name = ((String) notes[i + 1]).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
      byte[] descriptor = HexFormat.of().parseHex((String) notes[i + 2]);
      out.putInt(name.length + 1).putInt(descriptor.length).putInt((Integer) notes[i]);
      out.put(name).put((byte) 0).position((out.position() + 3) & ~3);
      out.put(descriptor).position((out.position() + 3) & ~3);
    }
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.write(path, java.util.Arrays.copyOf(out.array(), out.position()));
  }
}
