import com.google.inject.Binder;
import io.trino.filesystem.local.LocalFileSystemFactory;
import io.trino.plugin.hive.InternalHiveConnectorFactory;
import io.trino.spi.Plugin;
import io.trino.spi.connector.Connector;
import io.trino.spi.connector.ConnectorContext;
import io.trino.spi.connector.ConnectorFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/* Trino's own Hive connector, over its own local file system (local:///PATH) instead of Hadoop's. */
public final class LocalHive implements Plugin, ConnectorFactory {
    @Override
    public Iterable<ConnectorFactory> getConnectorFactories() {
        return List.of(this);
    }

    @Override
    public String getName() {
        return "local_hive";
    }

    @Override
    public Connector create(String catalog, Map<String, String> settings, ConnectorContext context) {
        return InternalHiveConnectorFactory.createConnector(catalog, settings, context, (Binder binder) -> {}, Optional.empty(),
            Optional.of(new LocalFileSystemFactory(Path.of("/"))), Optional.empty());
    }
}
