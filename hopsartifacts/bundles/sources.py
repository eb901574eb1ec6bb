"""The files of a bundle as a source for saving a model version."""

from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from hopsartifacts.bundles.reader import BundleReader
from hopsartifacts.digests import Digest
from hopsartifacts.errors import InvalidBundleError
from hopsartifacts.registry.documents import Manifest
from hopsartifacts.registry.sources import Source, SourceFile


class BundledFile(SourceFile, frozen=True, kw_only=True):
    """A file inside a bundle."""

    reader: Callable[[], Iterator[bytes]]

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes and check them.

        Raises:
            InvalidBundleError: they differ from the declared digest.
        """
        return self.reader()


class BundleSource(Source, frozen=True, kw_only=True):
    """The files of a model version inside a bundle."""

    bundle: BundleReader

    def check_unchanged(
        self,
        stored: Mapping[str, Digest],  # noqa: ARG002 - see below
    ) -> None:
        """Check the bundle's fingerprint; its bytes were checked while they were read.

        Raises:
            SourceChangedError: the bundle has been written to.
        """
        self.bundle.check_unchanged()


def bundle_source(bundle: BundleReader, manifest: Manifest) -> BundleSource:
    """Return the files of the version that *manifest* describes as a source."""
    files = tuple(
        BundledFile(
            path=record.path,
            location=str(bundle.path),
            fingerprint=replace(
                bundle.fingerprint, size_bytes=record.digest.size_bytes
            ),
            reader=chunks_of(bundle, record.digest),
        )
        for record in sorted(manifest.files, key=lambda record: record.path)
    )
    # A bundle may contain several versions of a model; each is a separate source.
    root = bundle.path / manifest.model / str(manifest.version)
    return BundleSource(root=root, files=files, bundle=bundle)


def chunks_of(bundle: BundleReader, digest: Digest) -> Callable[[], Iterator[bytes]]:
    """Return a function that yields the bytes with *digest* on each call."""

    def chunks() -> Iterator[bytes]:
        found = bundle.find(digest)
        if found is None:
            raise InvalidBundleError(f"{bundle.path} does not contain {digest.sha256}")
        return found

    return chunks
