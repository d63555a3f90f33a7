package io.bianque.standalone;

import io.bianque.standalone.server.ServerFiles;
import io.bianque.standalone.stack.Layout;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Second half of {@code bianque build servers}: verifies and unpacks what Maven has copied. */
@Command(
    name = "servers",
    hidden = true,
    description = "Verifies and unpacks the downloaded servers.")
public final class ServersCommand implements Callable<Integer> {

  @Option(names = "--pin", description = "Write the checksums of the files that are there now.")
  private boolean pin;

  @Override
  public Integer call() throws Exception {
    Layout layout = Layout.of(Path.of("."));
    ServerFiles files =
        new ServerFiles(
            layout.servers(), layout.checkout().resolve("standalone/servers/checksums.sha256"));
    if (pin) {
      files.pin();
    }
    files.install();
    return 0;
  }
}
