package wire

import "io"

// pieces are a message on its way in: parts of a stream's buffer, checked and ready to be delivered from where they lie.
type pieces interface {
	find() error   // sees to it that there is something to deliver, or tells why there will be nothing: io.EOF at the end
	piece() []byte // what was found, good until use
	use(n int)     // so many octets of it have been delivered
}

// readPiece is io.Reader's Read.
func readPiece(from pieces, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := from.find(); err != nil {
		return 0, err
	}
	n := copy(p, from.piece())
	from.use(n)
	return n, nil
}

// writePieces is io.WriterTo's WriteTo: io.Copy, which asks for it, would allocate 32 KiB a message.
func writePieces(from pieces, w io.Writer) (n int64, err error) {
	for {
		if err := from.find(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
		p := from.piece()
		written, err := w.Write(p)
		n += int64(written)
		from.use(written)
		if err == nil && written < len(p) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return n, err
		}
	}
}
