"""How blocks of frames are compressed."""

from collections.abc import Callable

import numpy as np
import zstandard
from numpy.typing import DTypeLike, NDArray

BLOCK = 8  # frames compressed together: the fewer, the less there is to decode for one of them

Decoder = Callable[[bytes, int], bytes]
"""The pixels of a block of so many frames; raises ValueError if it is none."""


class Codec:
    """Compresses blocks, each by itself except that all may refer to a dictionary of whole frames.

    A codec with a dictionary can also read what one without has written.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike, dictionary: bytes = b"") -> None:
        self.dictionary = dictionary
        self._nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self._known = None
        parameters = zstandard.ZstdCompressionParameters(
            strategy=zstandard.STRATEGY_DFAST,
            window_log=max(10, (BLOCK * self._nbytes + len(dictionary)).bit_length()),
            hash_log=17,  # of long matches: room to find all of the dictionary
            chain_log=15,  # of short matches; these tables are copied for every block
            min_match=7,  # screens match in long runs
        )
        if dictionary:
            kind = zstandard.DICT_TYPE_RAWCONTENT
            self._known = zstandard.ZstdCompressionDict(dictionary, dict_type=kind)
            self._known.precompute_compress(compression_params=parameters)
        self._compressor = zstandard.ZstdCompressor(
            compression_params=parameters, dict_data=self._known
        )

    def compress(self, frames: NDArray[np.generic]) -> bytes:
        """A block of n frames [n, *frame]."""
        packed = self._compressor.compress(np.ascontiguousarray(frames).data)
        return bytes(memoryview(packed))  # `packed` itself may sit in a buffer of the raw size

    def decoder(self) -> Decoder:
        """What reads blocks, for one thread."""
        decompressor = zstandard.ZstdDecompressor(dict_data=self._known)

        def decode(packed: bytes, frames: int) -> bytes:
            try:
                # before memory is given to it
                if zstandard.frame_content_size(packed) != frames * self._nbytes:
                    raise ValueError(f"it does not say that it holds {frames} frames")
                return decompressor.decompress(packed)
            except zstandard.ZstdError as error:
                raise ValueError(str(error)) from error

        return decode
